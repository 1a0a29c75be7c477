"""Segment's Profile API: what is known of a profile, found by any of its identifiers, with a token of the space."""

from typing import Any

from reading import access, events, external_ids, links, metadata, traits

from personas.http import Routes, serve

PROFILE = "/v1/spaces/{space}/collections/{collection}/profiles/{+identifier}"

ROUTES = Routes(
    ("GET", f"{PROFILE}/traits", traits.show),
    ("GET", f"{PROFILE}/external_ids", external_ids.show),
    ("GET", f"{PROFILE}/events", events.show),
    ("GET", f"{PROFILE}/metadata", metadata.show),
    ("GET", f"{PROFILE}/links", links.show),
)


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    return serve(event, ROUTES, access.error_body)
