"""A definition is what a marketer saves: a computed trait or an audience, written in the query language.

>>> key_of("Big Spenders"), key_of("  Orders (30d) ")
('big_spenders', 'orders_30d')
"""

import re
from dataclasses import dataclass
from typing import Any

KNOWN = ("user_id", "email", "android.idfa", "ios.idfa")
"""A member needs one of these unless anonymous users are included (Segment: "Include Anonymous Users")."""


@dataclass(frozen=True, slots=True)
class Options:
    external_ids: tuple[str, ...] = KNOWN
    """Segment's filterByExternalIds: a member of a users audience needs an identifier of one of these types."""
    since: int | None = None
    """Events before this moment (ms) never count; None where history is included."""
    every_hours: int = 1
    """How often its value follows the passing of time, where nothing else happens to the profile."""
    anew: int = 0
    """The version at which all was to be counted once more, as what had been kept could not be mended; 0: never."""

    def to_data(self) -> dict[str, Any]:
        data: dict[str, Any] = {"ids": list(self.external_ids), "since": self.since}
        if self.every_hours != 1:
            data["every"] = self.every_hours
        return {**data, "anew": self.anew} if self.anew else data

    @classmethod
    def of_data(cls, data: dict[str, Any]) -> "Options":
        return cls(tuple(data["ids"]), data["since"], data.get("every", 1), data.get("anew", 0))

    def scheduled(self, hour: int) -> int:
        """The first hour of the definition's own schedule that is not before this one.

        >>> Options().scheduled(25), Options(every_hours=24).scheduled(25), Options(every_hours=24).scheduled(48)
        (25, 48, 48)
        """
        return -(-hour // self.every_hours) * self.every_hours


@dataclass(frozen=True, slots=True)
class Definition:
    id: str
    key: str
    """The trait name by which others refer to it; unique among the definitions of its collection."""
    name: str
    kind: str
    """`audience` or `computed_trait`."""
    collection: str
    """`users` or `accounts`."""
    query: str
    version: int
    options: Options = Options()

    def to_data(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "key": self.key,
            "name": self.name,
            "kind": self.kind,
            "collection": self.collection,
            "query": self.query,
            "version": self.version,
            "options": self.options.to_data(),
        }

    @classmethod
    def of_data(cls, data: dict[str, Any]) -> "Definition":
        return cls(**{**data, "options": Options.of_data(data["options"])})


def key_of(name: str) -> str:
    """The name in snake_case, as Segment derives keys; empty where the name has no letter or digit."""
    return re.sub(r"[^\w]+", "_", name.strip().lower()).strip("_")
