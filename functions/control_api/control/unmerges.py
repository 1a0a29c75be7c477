"""Undo: a profile is made two again, without a merge or without some of its identifiers.

The graph is changed at once; traits, memberships and what tools are told follow, by a run of the backfill workflow.
"""

from typing import Any

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from control import backfill_runs, edge
from personas import unmerging
from personas.clock import now_ms
from personas.core.errors import Conflict, InvalidInput, NotFound
from personas.core.identifier import Identifier
from personas.core.identity.unmerge import Unmerge
from personas.core.moments import iso
from personas.http import Answer, Request
from personas.stores import graph, unmerges

MOST = 1_000
"""Identifiers in one call: a profile has no more."""


class BecamePartOfAnother(Conflict):
    """The profile is one with another by now."""


@dataclass(config=edge.BODY)
class Named:
    type: str
    value: str


@dataclass(config=edge.BODY)
class Wanted:
    merge_id: str | None = None
    identifiers: tuple[Named, ...] = ()


WANTED = TypeAdapter(Wanted)


def create(request: Request, space: str, profile: str) -> Answer:
    """Idempotent: for a merge that was undone by the same call, and for identifiers by the header Idempotency-Key."""
    owner = edge.space_of(space).id
    wanted = edge.body_of(request, WANTED)
    if bool(wanted.merge_id) is bool(wanted.identifiers):
        raise InvalidInput("name either the mergeId of a merge that the graph lists, or identifiers", "mergeId")
    if len(wanted.identifiers) > MOST:
        raise InvalidInput(f"identifiers must be at most {MOST}", "identifiers")
    current = graph.current(owner, profile)
    if current is None:
        raise NotFound(f"space {space!r} has no profile {profile!r}")
    if current != profile:
        raise BecamePartOfAnother(f"profile {profile} has become part of {current}: ask for that one")
    key = request.headers.get("idempotency-key")
    if wanted.merge_id:
        done = unmerging.undo(owner, profile, wanted.merge_id, key or wanted.merge_id, now_ms())
    else:
        identifiers = [Identifier(one.type, one.value) for one in wanted.identifiers]
        done = unmerging.take_out(owner, profile, identifiers, key, now_ms())
    if done.rebuilt is None:
        backfill_runs.start(owner)
    return Answer({"data": {"unmerge": shown(done)}}, 202)


def show(request: Request, space: str, profile: str, unmerge: str) -> Answer:  # noqa: ARG001 - all take the request
    owner = edge.space_of(space).id
    found = unmerges.read(owner, unmerge)
    if found is None or profile not in found.sides:
        raise NotFound(f"profile {profile!r} has no unmerge {unmerge!r}")
    return edge.data(unmerge=shown(found))


def show_all(request: Request, space: str, profile: str) -> Answer:
    return edge.page_of(request, "unmerges", of_profile(edge.space_of(space).id, profile), shown)


def of_profile(space: str, profile: str) -> list[Unmerge]:
    """Oldest first."""
    return [one for one in unmerges.of_space(space) if profile in one.sides]


def shown(unmerge: Unmerge) -> dict[str, Any]:
    return {
        "id": unmerge.id,
        "profileId": unmerge.profile,
        "otherProfileId": unmerge.other,
        "mergeId": unmerge.merge,
        "identifiers": [
            {"type": one.type, "value": one.value, "collection": one.collection} for one in unmerge.identifiers
        ],
        "at": iso(unmerge.at),
        "status": "RUNNING" if unmerge.rebuilt is None else "FINISHED",
        "finishedAt": None if unmerge.rebuilt is None else iso(unmerge.rebuilt),
    }
