"""Every call of the Control API and the function behind it."""

from typing import Any

from control import (
    definitions,
    destinations,
    identity_graph,
    identity_resolution,
    previews,
    profiles,
    simulations,
    sources,
    spaces,
    tokens,
    trait_mappings,
    unmerges,
)
from personas.http import Routes


def _definition_routes(path: str, resource: definitions.Resource) -> list[tuple[str, str, Any]]:
    return [
        ("GET", f"/spaces/{{space}}/{path}", resource.show_all),
        ("POST", f"/spaces/{{space}}/{path}", resource.create),
        ("GET", f"/spaces/{{space}}/{path}/{{definition}}", resource.show),
        ("PATCH", f"/spaces/{{space}}/{path}/{{definition}}", resource.change),
        ("DELETE", f"/spaces/{{space}}/{path}/{{definition}}", resource.delete),
        ("POST", f"/spaces/{{space}}/{path}/{{definition}}/backfills", resource.restart),
        ("DELETE", f"/spaces/{{space}}/{path}/{{definition}}/backfills", resource.cancel),
    ]


def _preview_routes(path: str, resource: previews.Resource) -> list[tuple[str, str, Any]]:
    """Before the definitions' own: none of these has the id `previews`."""
    return [
        ("POST", f"/spaces/{{space}}/{path}/previews", resource.create),
        ("GET", f"/spaces/{{space}}/{path}/previews/{{preview}}", resource.show),
    ]


ROUTES = Routes(
    ("GET", "/spaces", spaces.show_all),
    ("POST", "/spaces", spaces.create),
    ("GET", "/spaces/{space}", spaces.show),
    ("DELETE", "/spaces/{space}", spaces.delete),
    ("GET", "/deleted-spaces", spaces.show_deleted),
    ("GET", "/deleted-spaces/{space}", spaces.show_receipt),
    ("GET", "/spaces/{space}/sources", sources.show_all),
    ("POST", "/spaces/{space}/sources", sources.create),
    ("GET", "/spaces/{space}/sources/{source}", sources.show),
    ("DELETE", "/spaces/{space}/sources/{source}", sources.delete),
    ("GET", "/spaces/{space}/sources/{source}/refused-events", sources.show_refused),
    ("GET", "/spaces/{space}/access-tokens", tokens.show_all),
    ("POST", "/spaces/{space}/access-tokens", tokens.create),
    ("DELETE", "/spaces/{space}/access-tokens/{token}", tokens.delete),
    ("GET", "/spaces/{space}/identity-resolution", identity_resolution.show),
    ("PUT", "/spaces/{space}/identity-resolution", identity_resolution.replace),
    ("POST", "/spaces/{space}/identity-resolution/import", identity_resolution.import_rules),
    ("GET", "/spaces/{space}/identity-resolution/simulations", simulations.show_all),
    ("POST", "/spaces/{space}/identity-resolution/simulations", simulations.create),
    ("GET", "/spaces/{space}/identity-resolution/simulations/{simulation}", simulations.show),
    ("GET", "/spaces/{space}/identity/explain", identity_graph.explain),
    *_preview_routes("computed-traits", previews.COMPUTED_TRAITS),
    *_preview_routes("audiences", previews.AUDIENCES),
    *_definition_routes("computed-traits", definitions.COMPUTED_TRAITS),
    *_definition_routes("audiences", definitions.AUDIENCES),
    ("GET", "/spaces/{space}/trait-mappings", trait_mappings.show_all),
    ("POST", "/spaces/{space}/trait-mappings", trait_mappings.create),
    ("GET", "/spaces/{space}/trait-mappings/{mapping}", trait_mappings.show),
    ("DELETE", "/spaces/{space}/trait-mappings/{mapping}", trait_mappings.delete),
    ("GET", "/spaces/{space}/destinations", destinations.show_all),
    ("POST", "/spaces/{space}/destinations", destinations.create),
    ("GET", "/spaces/{space}/destinations/{destination}", destinations.show),
    ("PATCH", "/spaces/{space}/destinations/{destination}", destinations.change),
    ("DELETE", "/spaces/{space}/destinations/{destination}", destinations.delete),
    ("GET", "/spaces/{space}/profiles", profiles.search),
    ("GET", "/spaces/{space}/profiles/{profile}", profiles.show),
    ("GET", "/spaces/{space}/profiles/{profile}/graph", identity_graph.show),
    ("POST", "/spaces/{space}/profiles/{profile}/unmerge", unmerges.create),
    ("GET", "/spaces/{space}/profiles/{profile}/unmerges", unmerges.show_all),
    ("GET", "/spaces/{space}/profiles/{profile}/unmerges/{unmerge}", unmerges.show),
)
