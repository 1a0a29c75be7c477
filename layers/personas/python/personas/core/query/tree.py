"""The syntax tree of a query. A tree that can be built is well-formed, except for what `checker` says.

A condition is true or false; a scalar is a value, or none. Trees are in normal form: AND and OR are flat, and
`unique(p).count()` is one reducer.
"""

from dataclasses import dataclass

from personas.core.moments import DAY, HOUR, SECOND
from personas.core.query.path import Path

UNITS = {"second": SECOND, "hour": HOUR, "day": DAY}
"""Units of time, in ms."""


@dataclass(frozen=True, slots=True)
class Duration:
    amount: int
    unit: str

    @property
    def ms(self) -> int:
        return self.amount * UNITS[self.unit]


@dataclass(frozen=True, slots=True)
class Within:
    """The last `duration`, from the beginning of the hour on."""

    duration: Duration


@dataclass(frozen=True, slots=True)
class Between:
    """From `end` ago up to `start` ago."""

    start: Duration
    end: Duration


@dataclass(frozen=True, slots=True)
class WithinParent:
    """Up to `duration` after the parent event, to the millisecond; only on a funnel's child."""

    duration: Duration


@dataclass(frozen=True, slots=True)
class BetweenParent:
    """More than `start` and up to `end` after the parent event; only on a funnel's child."""

    start: Duration
    end: Duration


@dataclass(frozen=True, slots=True)
class Session:
    """The latest session, which ends once there was no event for the length of `pause`."""

    pause: Duration


Window = Within | Between | WithinParent | BetweenParent | Session


@dataclass(frozen=True, slots=True)
class Literal:
    value: str | int | float | bool


@dataclass(frozen=True, slots=True)
class Field:
    """A value of an event: in its properties or in its context."""

    place: str
    path: Path
    parent: bool = False
    """Whether the event is the parent of the funnel's child that is looked at."""


@dataclass(frozen=True, slots=True)
class Trait:
    """A trait of the profile: custom, computed, or an audience's key (true or false)."""

    path: Path

    @property
    def key(self) -> str:
        return str(self.path.steps[0])


@dataclass(frozen=True, slots=True)
class Stream:
    """The events of one name that meet `where`, in the window (None: ever).

    Inside the `where` of another stream it is a funnel's child: only events after that other, its parent, are in it.
    """

    event: str
    where: "Condition | None" = None
    window: Window | None = None
    excluded: tuple[str, ...] = ()
    """Ids of sources whose events are not in it."""


@dataclass(frozen=True, slots=True)
class Reduced:
    """A stream reduced to one value by `reducer`, one of REDUCERS."""

    stream: Stream
    reducer: str
    field: Field | None = None
    reads: str | None = None
    """`as number`, `as string` or `as array`; None where the query does not say."""
    minimum: int | None = None
    """How often the most frequent value must have been seen at least; None where the query does not say."""


Scalar = Literal | Field | Trait | Reduced


@dataclass(frozen=True, slots=True)
class Comparison:
    subject: Scalar
    operator: str
    arguments: tuple[Scalar | Duration, ...] = ()


@dataclass(frozen=True, slots=True)
class And:
    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    part: "Condition"


@dataclass(frozen=True, slots=True)
class AnyMember:
    """For accounts: the condition holds for one user of the account, or more."""

    part: "Condition"


@dataclass(frozen=True, slots=True)
class AllMembers:
    """For accounts: there is no user of the account for whom the condition does not hold."""

    part: "Condition"


Condition = Comparison | And | Or | Not | AnyMember | AllMembers
Query = Condition | Scalar

REDUCERS = ("count", "sum", "avg", "min", "max", "mode", "first", "last", "unique", "unique_count")
CONDITIONS = (Comparison, And, Or, Not, AnyMember, AllMembers)


def both(*parts: Condition) -> Condition:
    """AND, flat; of one part that part itself."""
    return _flat(And, parts)


def either(*parts: Condition) -> Condition:
    """OR, flat; of one part that part itself."""
    return _flat(Or, parts)


def _flat(junction: type[And] | type[Or], parts: tuple[Condition, ...]) -> Condition:
    flat: list[Condition] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, junction) else (part,))
    return flat[0] if len(flat) == 1 else junction(tuple(flat))
