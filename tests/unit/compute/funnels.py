"""Histories in which funnels, sessions and references to traits matter: few names and values, moments that collide."""

from hypothesis import strategies as st

from personas.core.event import Event
from personas.core.query.definition import Definition
from tests.unit.compute.histories import History, evaluations, moments

WINDOWS = ("", "", ".within(1 hour)", ".within(2 days)", ".between(1 hour, 2 days)")
SESSIONS = (".expires_after(1800 seconds)", ".expires_after(2 hours)", ".expires_after(1 day)")
CHILD_WINDOWS = (
    *("", ".within(parent: 1 second)", ".within(parent: 1 hour)", ".within(parent: 1 day)", ".within(parent: 2 days)"),
    *(".between(parent: 1 hour, 1 day)", ".between(parent: 0 hours, 2 hours)", ".within(1 day)"),
    ".between(1 hour, 2 days)",
)
CHILD_WHERES = (
    *("", "", ".where(property('q') = 1)", ".where(property('q') = property(parent: 'q'))"),
    *(".where(property('p') >= trait('c'))", ".where(property(parent: 'p') != property('p'))"),
    *(".where(event('A').within(parent: 2 hours).count() = 0)", ".where(event('A').count() >= 1)"),
    ".where(property('q') = 1 OR property('d').within_last(1 day))",
)
CHILD_TESTS = (
    *("count() >= 1", "count() >= 1", "count() = 0", "count() = 0", "count() < 2", "count() = trait('c')"),
    *("sum(property('p')) > property('p')", "first(property('p')).exists()", "last(property('p')).absent()"),
    *("unique(property('q')).count() != 1", "max(property('p')) <= trait('c')"),
)
OWN = (
    *("property('q') = 1", "property('p') >= trait('c')", "trait('c') = 1", "property('q') = trait('d0')"),
    *("property('d').within_last(1 day)", "property('d').after_next(2 hours)", "property('p').one_of(trait('c'), 2)"),
)
SOURCES = ("", "", ".sources(exclude: 'web')")
ENDS = (
    *("count()", "count()", "sum(property('p'))", "unique(property('q'))", "last(property('p'))", "avg(property('p'))"),
    "mode(property('p'), 1)",
)


def one(of: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.sampled_from(of)


names = one(("A", "B"))
children = st.builds(
    "event('{}'){}{}{}.{}".format, names, one(CHILD_WHERES), one(SOURCES), one(CHILD_WINDOWS), one(CHILD_TESTS)
)
conditions = st.recursive(
    one(OWN) | children | children | children,
    lambda part: st.builds("({} {} {})".format, part, one(("AND", "OR")), part) | st.builds("NOT ({})".format, part),
    max_leaves=3,
)
streams = st.builds(
    "event('{}'){}{}{}".format, names, conditions.map(".where({})".format), one(SOURCES), one(WINDOWS + SESSIONS)
) | st.builds("event('{}'){}{}".format, names, one(SOURCES), one(SESSIONS))
traits = st.builds("{}.{}".format, streams, one(ENDS))
audiences = st.builds("{}.count() {}".format, streams, one((">= 1", "= 0", "> 1")))


@st.composite
def definitions(draw: st.DrawFn) -> list[Definition]:
    found = []
    for number in range(draw(st.integers(1, 2))):
        kind = draw(st.sampled_from(["audience", "computed_trait"]))
        query = draw(traits if kind == "computed_trait" else audiences)
        if not number:
            query = query.replace("trait('d0')", "trait('c')")
        found.append(Definition(f"id{number}", f"d{number}", f"D {number}", kind, "users", query, 1))
    return found


def track(name: str, at: int, source: str, properties: dict[str, object]) -> Event:
    return Event("sp", source, at, at, {"type": "track", "event": name, "messageId": "m", "properties": properties})


properties = st.fixed_dictionaries(
    {"p": st.sampled_from([0, 1, 2, 2.5, "a"]), "q": st.sampled_from([0, 1])},
    optional={"d": st.sampled_from(["1970-01-03", "1970-01-05T03:00:00Z", "1970-01-05T07:00:00Z"])},
)
events = st.builds(track, names, moments, st.sampled_from(["src", "src", "web"]), properties)
funnels = st.builds(
    History,
    definitions(),
    st.lists(events, min_size=1, max_size=8),
    st.sampled_from([{}, {"c": 0}, {"c": 1}, {"c": 2}]),
    st.just(frozenset({"email"})),
    evaluations,
)
