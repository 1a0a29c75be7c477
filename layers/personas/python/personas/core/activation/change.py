"""A change is what one profile's value of one computation has become, and whom to tell.

Invariant: of two changes of the same value the newer profile version wins, and nobody whom the older one was still to
be told to is forgotten.

>>> base = dict(space="sp", profile="use_1", computation=Computation("aud_1", "vip", "audience"), at=0)
>>> ids = {"email": ("a@x", "b@x")}
>>> entered = Change(**base, version=1, value=True, identifiers=ids)
>>> again = Change(**base, version=2, value=True, identifiers=ids, only=(("email", "b@x"),))
>>> again.over(entered).version, again.over(entered).only
(2, None)
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

AUDIENCE = "audience"


@dataclass(frozen=True, slots=True)
class Computation:
    id: str
    key: str
    kind: str
    """`audience`, `computed_trait` or `sql_trait`."""

    @property
    def is_audience(self) -> bool:
        return self.kind == AUDIENCE


@dataclass(frozen=True, slots=True)
class Change:
    space: str
    profile: str
    computation: Computation
    version: int
    """The profile's version that has the value."""
    value: Any
    """None: the profile has no value any more."""
    at: int
    """When the value became this, in ms."""
    identifiers: Mapping[str, tuple[str, ...]]
    collection: str = "users"
    only: tuple[tuple[str, str], ...] | None = None
    """The (type, value) of those who are to be told, where the others know already. None: everybody."""
    before: Any = None
    """The value that it had; None: none."""
    definition_version: int = 0
    """The version of the definition by which it has the value."""

    def over(self, older: "Change") -> "Change":
        """This change, from what stood before the older one, told also to those whom that one has not reached."""
        if self.only is None or older.only is None:
            return replace(self, only=None, before=older.before)
        return replace(self, only=tuple(sorted({*self.only, *older.only})), before=older.before)

    def to_data(self) -> dict[str, Any]:
        computation = self.computation
        data: dict[str, Any] = {
            "c": [computation.id, computation.key, computation.kind],
            "v": self.version,
            "x": self.value,
            "at": self.at,
            "i": {type_: list(values) for type_, values in self.identifiers.items()},
        }
        if self.collection != "users":
            data["col"] = self.collection
        if self.only is not None:
            data["o"] = [list(pair) for pair in self.only]
        if self.before is not None:
            data["b"] = self.before
        if self.definition_version:
            data["d"] = self.definition_version
        return data

    @classmethod
    def of_data(cls, space: str, profile: str, data: dict[str, Any]) -> "Change":
        only = data.get("o")
        return cls(
            space,
            profile,
            Computation(*data["c"]),
            data["v"],
            data["x"],
            data["at"],
            {type_: tuple(values) for type_, values in data["i"].items()},
            data.get("col", "users"),
            None if only is None else tuple((type_, value) for type_, value in only),
            data.get("b"),
            data.get("d", 0),
        )
