"""Cold parts: what was kept of a profile's past and does not fit into its state any more. A part is never changed.

A part holds totals and tiles of some aggregates, and events that had not happened yet when it was written: these count
from their moments on. Aggregates are monoids, so what the state counts from now on begins with nothing, also where it
belongs into a tile of a part, and is added up when somebody looks. So parts are read to evaluate and never to count.
The state lists its parts; which ones they are is decided in splitting.py.

>>> part = ColdPart({"c1": {"t": 5}})
>>> cold, ref = Cold(), Ref("use_1", "abc", 30, until=None)
>>> cold.append(ref, part)
>>> again = Cold.of_data(cold.to_data())
>>> again.load({}), again.load({ref: part}), again.parts() == (part,)
((Ref(owner='use_1', name='abc', size=30, until=None, whole=False),), (), True)
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from personas.core.compute.aggregate import Aggregate
from personas.core.compute.tallies import NEVER, Tallies
from personas.core.compute.tally import Looked, earlier, merged
from personas.core.moments import HOUR


@dataclass(frozen=True, slots=True)
class Ref:
    """Where a part lies."""

    owner: str
    """The profile under whose key: this one, or one that merged into it."""
    name: str
    size: int
    """Bytes, as it is stored."""
    until: int | None
    """The last hour at which anything in it counts; None: for ever."""
    whole: bool = False
    """Whether all that was cold when it was written lies in it and those beside it."""

    def to_data(self) -> list[Any]:
        return [self.owner, self.name, self.size, self.until, int(self.whole)]

    @classmethod
    def of_data(cls, data: list[Any]) -> "Ref":
        owner, name, size, until, whole = data
        return cls(owner, name, size, until, bool(whole))


class ColdPart:
    """Never changed; what it says is worked out once for as long as it is the same."""

    __slots__ = ("_looked", "_tallies", "data")

    def __init__(self, data: Mapping[str, Any]) -> None:
        """`data`: by aggregate, what a tally gives."""
        self.data = data
        self._tallies = Tallies(dict(data))
        self._looked: dict[str, tuple[int, int, Looked]] = {}
        """By aggregate: from and before which moment it says this."""

    def added_to(self, found: Looked, aggregate: Aggregate, at: int, hour: int) -> Looked:
        """What somebody has found of the aggregate so far, and what lies in here."""
        data = self.data.get(aggregate.id)
        if data is None:
            return found
        since, until, mine = self._looked.get(aggregate.id, (0, 0, NEVER))
        if not since <= at < until:
            mine = self._tallies.look(aggregate, at, hour)
            until = (hour + 1) * HOUR
            for event in (*data.get("f", ()), *data.get("o", ())):
                if at < event[0] < until:
                    until = event[0]
            self._looked[aggregate.id] = at, until, mine
        partial, seen, due = mine
        return merged(aggregate.monoid, partial, found[0]), seen or found[1], earlier(due, found[2])

    @property
    def ahead(self) -> set[str]:
        """The aggregates of which events lie in here that had not happened when it was written."""
        return {name for name, data in self.data.items() if "f" in data}

    def tallies(self) -> Tallies:
        """A copy."""
        return Tallies(orjson.loads(orjson.dumps(self.data)))


class Cold:
    """Mutable: the parts of one profile's state."""

    __slots__ = ("by_ref", "doomed", "gone", "refs")

    def __init__(self) -> None:
        self.refs: tuple[Ref, ...] = ()
        self.gone: tuple[Ref, ...] = ()
        """What is listed no more since this state: to be deleted once it is written."""
        self.doomed: tuple[Ref, ...] = ()
        """What the state that was read says is gone: to be deleted now."""
        self.by_ref: dict[Ref, ColdPart] = {}
        """Those that are loaded."""

    def load(self, parts: Mapping[Ref, ColdPart]) -> tuple[Ref, ...]:
        """Take in its parts; returns those that it lists and that are not among those given."""
        self.by_ref |= {ref: parts[ref] for ref in self.refs if ref in parts}
        return tuple(ref for ref in self.refs if ref not in self.by_ref)

    def parts(self) -> tuple[ColdPart, ...]:
        """Raises KeyError where one is not loaded."""
        return tuple(self.by_ref[ref] for ref in self.refs) if self.refs else ()

    def loaded(self) -> tuple[ColdPart, ...]:
        return tuple(self.by_ref[ref] for ref in self.refs if ref in self.by_ref)

    def append(self, ref: Ref, part: ColdPart) -> None:
        self.refs = (*self.refs, ref)
        self.by_ref[ref] = part

    def drop(self, refs: Iterable[Ref]) -> None:
        """What these hold counts no more, or lies elsewhere too."""
        dropped = frozenset(refs)
        if dropped:
            self.refs = tuple(ref for ref in self.refs if ref not in dropped)
            self.gone = (*self.gone, *sorted(dropped, key=lambda ref: ref.name))

    def forget(self, refs: Collection[Ref]) -> None:
        """What was listed and is no more, because the state began anew."""
        if refs:
            mine = {(ref.owner, ref.name) for ref in (*self.refs, *self.gone)}
            self.gone = (*self.gone, *(ref for ref in refs if (ref.owner, ref.name) not in mine))

    def expire(self, hour: int) -> set[str]:
        """The aggregates of which events have happened that were not known to have, before they were dropped here."""
        over = [ref for ref in self.refs if ref.until is not None and ref.until < hour and ref in self.by_ref]
        self.drop(over)
        return {name for ref in over for name in self.by_ref[ref].ahead}

    def drop_unknown(self, aggregates: Mapping[str, Aggregate]) -> None:
        """Parts in which there is nothing else."""
        known = aggregates.keys()
        if self.refs:
            self.drop(ref for ref, part in self.by_ref.items() if ref in self.refs and known.isdisjoint(part.data))

    def unite(self, other: "Cold") -> None:
        """Take over the parts of a profile that has become part of this one. They are deleted by this one, too."""
        if not (other.refs or other.gone or other.doomed):
            return
        self.refs = (*self.refs, *(replace(ref, whole=False) for ref in other.refs if ref not in self.refs))
        self.by_ref |= {replace(ref, whole=False): part for ref, part in other.by_ref.items()}
        self.gone = (*self.gone, *other.gone, *other.doomed)

    def to_data(self) -> dict[str, Any]:
        data: dict[str, Any] = {}
        if self.refs:
            data["k"] = [ref.to_data() for ref in self.refs]
        if self.gone:
            data["x"] = [ref.to_data() for ref in self.gone]
        return data

    @classmethod
    def of_data(cls, data: Mapping[str, Any]) -> "Cold":
        cold = cls()
        if "k" in data:
            cold.refs = tuple(map(Ref.of_data, data["k"]))
        if "x" in data:
            cold.doomed = tuple(map(Ref.of_data, data["x"]))
        return cold
