"""Bodies of computed traits and audiences, as Segment's Public API has them, to and from what we keep."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass

from control import edge
from personas.core.activation.changes import capped_by
from personas.core.backfill.run import Run
from personas.core.errors import InvalidInput
from personas.core.moments import DAY, iso
from personas.core.query.definition import KNOWN, Options
from personas.core.saved_definition import SavedDefinition
from personas.stores.members import Counts

ANONYMOUS = "anonymous_id"
BY_DEFAULT = Options()


@dataclass(config=edge.BODY)
class OptionsBody:
    filter_by_external_ids: list[str] | None = None
    include_anonymous_users: bool | None = None
    include_historical_data: bool | None = None
    backfill_event_data_days: int | None = Field(default=None, ge=1)
    recompute_every_hours: int | None = Field(default=None, ge=1, le=168)

    def applied(self, created: int, known: Options = BY_DEFAULT) -> Options:
        """The options with what the body says; history is counted from the definition's creation (ms)."""
        every = known.every_hours if self.recompute_every_hours is None else self.recompute_every_hours
        return Options(self._external_ids(known), self._since(created, known), every, known.anew)

    def look_back_days(self, known: int | None) -> int | None:
        """How many days of history count, where the body says anything about history; else what is known."""
        if self.backfill_event_data_days is None and self.include_historical_data is None:
            return known
        return None if self.include_historical_data is False else self.backfill_event_data_days

    def _external_ids(self, known: Options) -> tuple[str, ...]:
        given = known.external_ids if self.filter_by_external_ids is None else tuple(self.filter_by_external_ids)
        if not given:
            raise InvalidInput("filterByExternalIds must name at least one type", "options.filterByExternalIds")
        if self.include_anonymous_users is None:
            return given
        others = tuple(kind for kind in given if kind != ANONYMOUS)
        return (*others, ANONYMOUS) if self.include_anonymous_users else others or KNOWN

    def _since(self, created: int, known: Options) -> int | None:
        if self.include_historical_data is False:
            return created
        if self.backfill_event_data_days is not None:
            return created - self.backfill_event_data_days * DAY
        return None if self.include_historical_data else known.since


@dataclass(config=edge.BODY)
class QueryBody:
    query: str
    type: str | None = None


@dataclass(config=edge.BODY)
class NewDefinition:
    name: str
    definition: QueryBody
    enabled: bool = True
    description: str = ""
    audience_type: str | None = None
    options: OptionsBody = Field(default_factory=OptionsBody)

    def collection(self) -> str:
        return collection_of(self.audience_type, self.definition)


@dataclass(config=edge.BODY)
class DefinitionChanges:
    name: str | None = None
    definition: QueryBody | None = None
    enabled: bool | None = None
    description: str | None = None
    audience_type: str | None = None
    options: OptionsBody | None = None

    def same_collection(self, collection: str) -> None:
        """Raises InvalidInput where the body wants another one: what a definition is about cannot be changed."""
        kind = self.definition.type if self.definition else None
        for given, field in ((self.audience_type, "audienceType"), (kind, "definition.type")):
            if (_collection(given, field) or collection) != collection:
                raise InvalidInput(f"{field} cannot be changed: make a new definition", field)


NEW = TypeAdapter(NewDefinition)
CHANGES = TypeAdapter(DefinitionChanges)


def counted_lists(saved: SavedDefinition) -> tuple[str, ...]:
    """Whose counts are shown with it."""
    known = saved.definition
    return (known.id, capped_by(known.id)) if known.kind == "audience" else (capped_by(known.id),)


def shown(saved: SavedDefinition, run: Run, lists: Mapping[str, Counts]) -> dict[str, Any]:
    """`run` is the backfill of the definition's space; `lists` has the counts of the `counted_lists`."""
    known = saved.definition
    collection = known.collection.upper()
    body: dict[str, Any] = {
        "id": known.id,
        "spaceId": run.space,
        "name": known.name,
        "key": known.key,
        "enabled": saved.enabled,
        "description": saved.description,
        "definition": {"query": known.query, "type": collection},
        "status": saved.status,
        "backfill": _backfill(saved, run),
        "capped": {"count": lists[capped_by(known.id)].size},
        "options": options_shown(known.options, saved.look_back_days),
        "createdAt": iso(saved.created),
        "updatedAt": iso(saved.updated),
    }
    if known.kind != "audience":
        return body
    return {**body, "audienceType": collection, "size": {"count": lists[known.id].size, "type": collection}}


def _backfill(saved: SavedDefinition, run: Run) -> dict[str, Any]:
    """In percent, how much of its past it has; where that failed, why."""
    under_way = saved.coming and saved.coming_since == run.version
    progress = 100 if saved.status == "Live" else run.progress if under_way else 0
    return {"progress": progress, "reason": saved.failure}


def options_shown(options: Options, look_back_days: int | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "filterByExternalIds": options.external_ids,
        "includeAnonymousUsers": ANONYMOUS in options.external_ids,
        "includeHistoricalData": options.since is None or look_back_days is not None,
        "recomputeEveryHours": options.every_hours,
    }
    return {**body, "backfillEventDataDays": look_back_days} if look_back_days else body


def collection_of(audience_type: str | None, definition: QueryBody) -> str:
    """`users` or `accounts`; audiences say it as audienceType, computed traits within the definition."""
    return _collection(audience_type, "audienceType") or _collection(definition.type, "definition.type") or "users"


def _collection(given: str | None, field: str) -> str | None:
    if given is None:
        return None
    if given.lower() not in ("users", "accounts"):
        raise InvalidInput(f"{field} must be USERS or ACCOUNTS", field)
    return given.lower()
