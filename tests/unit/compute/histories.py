"""Random definitions and histories: few names, few values and moments near the hour, so that things do collide."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from personas.core.event import Event
from personas.core.moments import HOUR
from personas.core.query.definition import KNOWN, Definition, Options
from personas.core.query.formatter import format_query
from tests.unit.query.trees import DATES, audiences, computed_traits

NAMES = ("A", "B", "Page Viewed")
START = 100 * HOUR
"""The earliest moment of evaluation."""

scalars = st.one_of(
    st.sampled_from([None, True, False, "a", "b", "ab", "25", "true", "", "\x00", *DATES]),
    st.sampled_from([0, 1, 2, 25, 25.0, -1.5, 0.1, 0.2, 9.75, 1e300, 1.7e308, 2**53 + 1, 2**62]),
)
objects = st.fixed_dictionaries({}, optional={"x": scalars, "a.b": scalars})
values = scalars | st.lists(scalars | objects, max_size=3) | objects
properties = st.fixed_dictionaries(
    {}, optional={"p": values, "q": scalars, "o": objects, "l": st.lists(scalars | objects, max_size=3), "$": scalars}
)
moments = st.builds(
    lambda hour, offset: START + hour * HOUR + offset,
    st.sampled_from([-49, -48, -47, -26, -25, -24, -23, -4, -3, -2, -1, 0, 1, 2, 3, 5]),
    st.sampled_from([0, 0, 1, -1, 1_800_000]),
)


@st.composite
def events(draw: st.DrawFn) -> Event:
    name = draw(st.sampled_from(NAMES))
    body: dict[str, Any] = {"messageId": "m", "properties": draw(properties), "context": draw(properties)}
    body |= {"type": "page", "name": "Home"} if name == "Page Viewed" else {"type": "track", "event": name}
    at = draw(moments)
    return Event("sp", "src", at, at, body)


@st.composite
def definitions(draw: st.DrawFn, most: int = 4) -> list[Definition]:
    """Each may refer to those before it."""
    found: list[Definition] = []
    for number in range(draw(st.integers(1, most))):
        keys = ("c", *(definition.key for definition in found))
        kind = draw(st.sampled_from(["audience", "computed_trait"]))
        trees = audiences(NAMES, keys) if kind == "audience" else computed_traits(NAMES, keys)
        options = Options((*KNOWN, *draw(st.sampled_from([(), ("anonymous_id",)]))), draw(st.none() | moments))
        query = format_query(draw(trees))
        found.append(Definition(f"id{number}", f"d{number}", f"D {number}", kind, "users", query, 1, options))
    return found


evaluations = st.builds(
    lambda hour, offset: START + hour * HOUR + offset, st.integers(0, 2), st.sampled_from([0, 1, 1_800_000])
)


@dataclass(frozen=True, slots=True)
class History:
    definitions: list[Definition]
    events: list[Event]
    traits: dict[str, Any]
    held: frozenset[str]
    at: int
    """When the profile is looked at: events may lie after it."""


histories = st.builds(
    History,
    definitions(),
    st.lists(events(), max_size=12),
    st.fixed_dictionaries({}, optional={"c": scalars.filter(lambda v: v is not None), "o": objects, "d9": scalars}),
    st.sampled_from([frozenset(), frozenset({"anonymous_id"}), frozenset({"email", "anonymous_id"})]),
    evaluations,
)

SPANS = ("1 second", "1 hour", "90 seconds", "2 days")
PASTS = ("0 hours, 1 hour", "90 seconds, 2 hours", "1 hour, 1 day", "1 day, 2 days")
WINDOWS = ("", *(f".within({span})" for span in SPANS), *(f".between({spans})" for spans in PASTS))
WHERES = ("", ".where(property('q') != 1)")
TRACK = {"type": "track", "event": "A", "messageId": "m"}


@st.composite
def simple(draw: st.DrawFn, reducer: str) -> History:
    """One trait over events that nearly all count, so that every event matters."""
    query = f"event('A'){draw(st.sampled_from(WHERES))}{draw(st.sampled_from(WINDOWS))}.{reducer}"
    found = [
        Event("sp", "src", at, at, {**TRACK, "properties": {"p": p, "q": q}})
        for at, p, q in draw(
            st.lists(
                st.tuples(
                    moments,
                    st.sampled_from(["a", "b", 1, 2, 0.1, 0.2, True, None, ["a", 1]]),
                    st.sampled_from([0, 0, 1]),
                ),
                min_size=1,
                max_size=8,
            )
        )
    ]
    definition = Definition("id", "d", "D", "computed_trait", "users", query, 1)
    return History([definition], found, {}, frozenset(), draw(evaluations))
