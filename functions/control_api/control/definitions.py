"""Computed traits and audiences: the same calls for both, with Segment's two shapes of bodies.

A saved definition is compiled with all others of its space before anything is written, so that a wrong one is refused
with its place and never half active. A backfill brings it into force; what takes something out of force is told to
every lane at once.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aws_lambda_powertools import Logger

from control import backfill_runs, definition_bodies, edge
from personas import barriers
from personas.clock import now_ms
from personas.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from personas.core.query.definition import Definition, key_of
from personas.core.saved_definition import SavedDefinition
from personas.core.workspace import checked_name, new_id
from personas.http import Answer, Request
from personas.stores import backfills, definitions, members
from personas.stores.definitions import Change

log = Logger(service="control")


@dataclass(frozen=True, slots=True)
class Resource:
    """Computed traits, or audiences."""

    kind: str
    prefix: str
    single: str
    plural: str

    def create(self, request: Request, space: str) -> Answer:
        owner = edge.space_of(space)
        body = edge.body_of(request, definition_bodies.NEW)
        now = now_ms()
        name = checked_name(body.name)
        definition_id = new_id(self.prefix, secrets.token_urlsafe)

        def decide(before: tuple[SavedDefinition, ...], version: int) -> Change:
            definition = Definition(
                id=definition_id,
                key=_checked_key(name),
                name=name,
                kind=self.kind,
                collection=body.collection(),
                query=body.definition.query,
                version=version,
                options=body.options.applied(now),
            )
            if any(_same_key(saved.definition, definition) for saved in before):
                raise Conflict(f"name leads to the key {definition.key!r}, which another definition has")
            days = body.options.look_back_days(None)
            return Change((SavedDefinition(definition, body.description, body.enabled, now, now, days),))

        return self._changed(owner.id, definition_id, decide)

    def change(self, request: Request, space: str, definition: str) -> Answer:
        owner = edge.space_of(space)
        body = edge.body_of(request, definition_bodies.CHANGES)
        name = checked_name(body.name) if body.name is not None else None
        self._found(owner.id, definition)

        def decide(before: tuple[SavedDefinition, ...], version: int) -> Change:
            saved = self._among(before, definition)
            known = saved.definition
            changed = replace(
                known,
                name=name or known.name,
                query=body.definition.query if body.definition else known.query,
                version=version,
                options=body.options.applied(saved.created, known.options) if body.options else known.options,
            )
            body.same_collection(known.collection)
            enabled = saved.enabled if body.enabled is None else body.enabled
            description = saved.description if body.description is None else body.description
            days = body.options.look_back_days(saved.look_back_days) if body.options else saved.look_back_days
            after = replace(
                saved.changed(changed, enabled), description=description, updated=now_ms(), look_back_days=days
            )
            return Change((after,))

        return self._changed(owner.id, definition, decide)

    def delete(self, request: Request, space: str, definition: str) -> Answer:  # noqa: ARG002 - all take the request
        owner = edge.space_of(space)
        self._found(owner.id, definition)

        def decide(before: tuple[SavedDefinition, ...], version: int) -> Change:  # noqa: ARG001
            return Change(removed=(self._among(before, definition).id,))

        announce(owner.id, definitions.change(owner.id, decide))
        backfill_runs.start(owner.id)
        return edge.data(status="SUCCESS")

    def restart(self, request: Request, space: str, definition: str) -> Answer:  # noqa: ARG002
        return self._backfill(space, definition, SavedDefinition.restarted)

    def cancel(self, request: Request, space: str, definition: str) -> Answer:  # noqa: ARG002
        return self._backfill(space, definition, SavedDefinition.cancelled)

    def _backfill(self, space: str, definition: str, turn: Callable[[SavedDefinition], SavedDefinition]) -> Answer:
        owner = edge.space_of(space)
        self._found(owner.id, definition)
        return self._changed(owner.id, definition, lambda before, _: Change((turn(self._among(before, definition)),)))

    def show(self, request: Request, space: str, definition: str) -> Answer:  # noqa: ARG002
        owner = edge.space_of(space)
        return edge.data(**{self.single: self._shown(owner.id, self._found(owner.id, definition))})

    def show_all(self, request: Request, space: str) -> Answer:
        owner = edge.space_of(space)
        found = [saved for saved in definitions.of_space(owner.id) if saved.definition.kind == self.kind]
        return edge.page_of_all(request, self.plural, found, lambda page: self._all_shown(owner.id, page))

    def _shown(self, space: str, saved: SavedDefinition) -> dict[str, Any]:
        return self._all_shown(space, [saved])[0]

    def _all_shown(self, space: str, page: Sequence[SavedDefinition]) -> list[dict[str, Any]]:
        run = backfills.get(space)
        lists = members.counts_of(space, [name for one in page for name in definition_bodies.counted_lists(one)])
        return [definition_bodies.shown(one, run, lists) for one in page]

    def _changed(
        self, space: str, definition_id: str, decide: Callable[[tuple[SavedDefinition, ...], int], Change]
    ) -> Answer:
        version = definitions.change(space, decide)
        saved = self._found(space, definition_id)
        if not saved.pending:  # else the run announces its own beginning, and until then every lane may go on as it is
            announce(space, version)
        backfill_runs.start(space)
        return edge.data(**{self.single: self._shown(space, saved)})

    def _found(self, space: str, definition_id: str) -> SavedDefinition:
        saved = definitions.get(space, definition_id)
        return self._among((saved,) if saved else (), definition_id)

    def _among(self, saved: tuple[SavedDefinition, ...], definition_id: str) -> SavedDefinition:
        for one in saved:
            if one.id == definition_id and one.definition.kind == self.kind:
                return one
        raise NotFound(f"the space has no {self.kind.replace('_', ' ')} {definition_id!r}")


COMPUTED_TRAITS = Resource("computed_trait", "trt", "computedTrait", "computedTraits")
AUDIENCES = Resource("audience", "aud", "audience", "audiences")


def announce(space: str, version: int) -> None:
    try:
        barriers.send(space, version)
    except Unavailable:
        log.exception("a version was saved and not announced; the hourly recompute announces it", space=space)


def _checked_key(name: str) -> str:
    key = key_of(name)
    if not key:
        raise InvalidInput("name must have a letter or a digit: the key is made of it", "name")
    return key


def _same_key(one: Definition, other: Definition) -> bool:
    return one.key == other.key and one.collection == other.collection
