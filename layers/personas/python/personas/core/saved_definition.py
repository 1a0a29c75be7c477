"""A definition as its space keeps it: what is computed, and what only people and the Control API care about."""

from dataclasses import dataclass
from typing import Any

from personas.core.query.definition import Definition


@dataclass(frozen=True, slots=True)
class SavedDefinition:
    definition: Definition
    description: str
    enabled: bool
    created: int
    updated: int
    """Both in ms."""
    look_back_days: int | None = None
    """How many days of history before its creation count; None: all, or none, as `definition.options.since` says."""

    @property
    def id(self) -> str:
        return self.definition.id

    def status(self, announced: int) -> str:
        """Segment's word for how far it is; `announced` is the newest version that every lane was told of."""
        if not self.enabled:
            return "Disabled"
        return "Live" if announced >= self.definition.version else "Computing"

    def to_data(self) -> dict[str, Any]:
        return {
            "definition": self.definition.to_data(),
            "description": self.description,
            "enabled": self.enabled,
            "created": self.created,
            "updated": self.updated,
            "look_back_days": self.look_back_days,
        }

    @classmethod
    def of_data(cls, data: dict[str, Any]) -> "SavedDefinition":
        return cls(**{**data, "definition": Definition.of_data(data["definition"])})
