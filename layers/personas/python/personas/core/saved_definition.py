"""A definition as its space keeps it: what is wanted, what is in force, and what only people care about.

What is wanted comes into force once a backfill has added the past to it; until then what was in force before stands.

>>> wanted = Definition("d", "d", "D", "audience", "users", "trait('plan') = 'pro'", 4)
>>> saved = SavedDefinition(wanted, "", True, 0, 0)
>>> saved.status, saved.begun(5).status, saved.begun(5).in_force().status, saved.failed("cancelled").status
('Preparing', 'Computing', 'Live', 'Failed')
"""

from dataclasses import dataclass, replace
from typing import Any

from personas.core.errors import Conflict
from personas.core.query.definition import Definition


class BeingComputed(Conflict):
    """What a definition means is locked until it is live (docs/rules.md)."""


class NothingToBackfill(Conflict):
    """A backfill of the definition can be neither restarted nor cancelled as it is."""


@dataclass(frozen=True, slots=True)
class SavedDefinition:
    definition: Definition
    """As somebody wants it."""
    description: str
    enabled: bool
    created: int
    updated: int
    """Both in ms."""
    look_back_days: int | None = None
    """How many days of history before its creation count; None: all, or none, as `definition.options.since` says."""
    live: Definition | None = None
    """As it is in force."""
    coming_since: int | None = None
    """The version of the space's definitions at which a backfill of what is wanted began, while it runs."""
    failure: str | None = None
    """Why what is wanted does not come into force."""

    @property
    def id(self) -> str:
        return self.definition.id

    @property
    def pending(self) -> bool:
        """Whether a backfill is to bring it into force, or is at it."""
        return self.enabled and self.failure is None and self.live != self.definition

    @property
    def coming(self) -> bool:
        return self.pending and self.coming_since is not None

    @property
    def status(self) -> str:
        """Segment's word for how far it is."""
        if not self.enabled:
            return "Disabled"
        if self.failure is not None:
            return "Failed"
        if self.pending:
            return "Computing" if self.coming_since else "Preparing"
        return "Live"

    def begun(self, version: int) -> "SavedDefinition":
        return replace(self, coming_since=version)

    def in_force(self) -> "SavedDefinition":
        """Everything that is wanted, from now on."""
        return replace(self, live=self.definition, coming_since=None, failure=None)

    def restarted(self) -> "SavedDefinition":
        """Raises NothingToBackfill."""
        if not self.enabled or self.failure is None:
            raise NothingToBackfill(f"{self.definition.name} is {self.status}: only a Failed backfill can be restarted")
        return replace(self, failure=None)

    def cancelled(self) -> "SavedDefinition":
        """Raises NothingToBackfill."""
        if not self.pending:
            raise NothingToBackfill(f"{self.definition.name} is {self.status}: there is no backfill to cancel")
        return self.failed("cancelled")

    def failed(self, reason: str) -> "SavedDefinition":
        """What was in force stays so."""
        return replace(self, coming_since=None, failure=reason)

    def changed(self, definition: Definition, enabled: bool) -> "SavedDefinition":
        """What is in force stands until what is wanted has its past; where nothing of that changes, it is at once.

        Raises BeingComputed.
        """
        same = _meaning(self.definition) == _meaning(definition)
        if self.pending and enabled and not same:
            raise BeingComputed(f"{self.definition.name} is being computed: change it once it is live, or cancel that")
        live = self.live if enabled and self.enabled else None
        if live is not None and _meaning(live) == _meaning(definition):
            live = definition
        changed = replace(self, definition=definition, enabled=enabled, live=live)
        if enabled == self.enabled and same:
            return changed
        return replace(changed, coming_since=None, failure=None)

    def counted_anew(self, version: int) -> "SavedDefinition":
        """What is in force stands until all has been counted once more."""
        options = replace(self.definition.options, anew=version)
        return replace(self, definition=replace(self.definition, options=options))

    def to_data(self) -> dict[str, Any]:
        return {
            "definition": self.definition.to_data(),
            "description": self.description,
            "enabled": self.enabled,
            "created": self.created,
            "updated": self.updated,
            "look_back_days": self.look_back_days,
            "live": self.live.to_data() if self.live else None,
            "coming_since": self.coming_since,
            "failure": self.failure,
        }

    @classmethod
    def of_data(cls, data: dict[str, Any]) -> "SavedDefinition":
        live = Definition.of_data(data["live"]) if data.get("live") else None
        return cls(**{**data, "definition": Definition.of_data(data["definition"]), "live": live})


def _meaning(definition: Definition) -> Definition:
    """What values depend on, without what is only said about them."""
    return replace(definition, name="", version=0)
