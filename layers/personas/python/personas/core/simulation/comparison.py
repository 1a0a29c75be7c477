"""Who is who now, beside who would be who by a replay: how many merges are gained and lost, and of which profiles.

A merge is lost where identifiers of one profile would be of several, one for each profile beyond the first; gained, the
other way round. Identifiers that lead nowhere on the other side are counted apart.

>>> a, b, c = (Identifier("email", value) for value in "abc")
>>> compared = Comparison({a: "P1", b: "P1", c: "P2"}, {a: "Q1", b: "Q2"})
>>> compared.counts("users")["mergesLost"], compared.counts("users")["identifiersLost"]
(1, {'email': 1})
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from heapq import nsmallest
from typing import Any

from personas.core.identifier import Identifier

SAMPLES = 10
"""Profiles of each kind that are shown."""
MOST_PARTS = 10
MOST_IDENTIFIERS = 5
"""Of a sample that are shown, and of a part."""
MOST_CHARACTERS = 100
"""Of a value that are shown: a report is one item of a table, whatever somebody sends."""

Sides = Mapping[Identifier, str]


@dataclass(frozen=True)
class Comparison:
    now: Sides
    """The profile of each identifier that has one."""
    then: Sides
    _ties: dict[tuple[str, str], int] = field(init=False, default_factory=dict, repr=False)
    """How many identifiers each profile of now shares with each of then."""

    def __post_init__(self) -> None:
        for one, profile in self.now.items():
            other = self.then.get(one)
            if other is not None:
                self._ties[profile, other] = self._ties.get((profile, other), 0) + 1

    def counts(self, collection: str) -> dict[str, Any]:
        now, then = ({one: p for one, p in side.items() if one.collection == collection} for side in self._sides)
        profiles_now, profiles_then = set(now.values()), set(then.values())
        return {
            "profilesNow": len(profiles_now),
            "profilesThen": len(profiles_then),
            "mergesGained": sum(count - 1 for profile, count in self._of_then.items() if profile in profiles_then),
            "mergesLost": sum(count - 1 for profile, count in self._of_now.items() if profile in profiles_now),
            "identifiersGained": _by_type(then.keys() - now.keys()),
            "identifiersLost": _by_type(now.keys() - then.keys()),
        }

    def merged(self) -> list[str]:
        """Profiles of then that would be made of several, those of most first; as many as are shown."""
        return _first(self._of_then)

    def split(self) -> list[str]:
        """Profiles of now that would be several, those that become most first; as many as are shown."""
        return _first(self._of_now)

    def largest(self) -> list[dict[str, Any]]:
        """Of then, by how many identifiers they hold."""
        sizes = Counter(self.then.values())
        top = nsmallest(SAMPLES, sizes, key=lambda profile: (-sizes[profile], profile))
        parts = self.parts_of_then(top)
        return [{"identifierCount": sizes[profile], "madeOf": parts[profile]} for profile in top]

    def parts_of_then(self, profiles: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        """Of each, the profiles of now that it is made of; the part without an id is nobody's now."""
        return _parts(self.then, self.now, profiles, lambda part: {"profileId": part})

    def parts_of_now(self, profiles: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        """Of each, the profiles that it becomes; they have no ids yet."""
        return _parts(self.now, self.then, profiles, lambda part: {"leadsNowhere": part is None})

    @property
    def _sides(self) -> tuple[Sides, Sides]:
        return self.now, self.then

    @cached_property
    def _of_now(self) -> Counter[str]:
        return Counter(profile for profile, _ in self._ties)

    @cached_property
    def _of_then(self) -> Counter[str]:
        return Counter(profile for _, profile in self._ties)


def shown(one: Identifier) -> dict[str, str]:
    return {"type": one.type, "value": shortened(one.value), "collection": one.collection}


def shortened(value: str) -> str:
    return value if len(value) <= MOST_CHARACTERS else value[: MOST_CHARACTERS - 1] + "…"


def _by_type(identifiers: Iterable[Identifier]) -> dict[str, int]:
    return dict(sorted(Counter(one.type for one in identifiers).items()))


def _first(counts: Counter[str]) -> list[str]:
    several = (profile for profile, count in counts.items() if count > 1)
    return nsmallest(SAMPLES, several, key=lambda profile: (-counts[profile], profile))


def _parts(
    mine: Sides, other: Sides, profiles: Iterable[str], named: Callable[[str | None], dict[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """The largest parts first; as many as are shown."""
    found: dict[str, dict[str | None, list[Identifier]]] = {profile: {} for profile in profiles}
    for one, profile in mine.items():
        if profile in found:
            found[profile].setdefault(other.get(one), []).append(one)
    return {profile: [_part(part, of, named) for part, of in _largest(parts)] for profile, parts in found.items()}


def _largest(parts: Mapping[str | None, list[Identifier]]) -> list[tuple[str | None, list[Identifier]]]:
    return nsmallest(MOST_PARTS, parts.items(), key=lambda entry: (-len(entry[1]), entry[0] or ""))


def _part(
    part: str | None, identifiers: list[Identifier], named: Callable[[str | None], dict[str, Any]]
) -> dict[str, Any]:
    some = [shown(one) for one in nsmallest(MOST_IDENTIFIERS, identifiers)]
    return {**named(part), "identifierCount": len(identifiers), "identifiers": some}
