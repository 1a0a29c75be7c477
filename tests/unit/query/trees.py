"""Random well-formed trees: every condition, reducer, window and operand that the language has."""

from typing import Any

from hypothesis import strategies as st

from personas.core.query.path import EACH, Path
from personas.core.query.tree import (
    AllMembers,
    AnyMember,
    Between,
    BetweenParent,
    Comparison,
    Condition,
    Duration,
    Field,
    Literal,
    Not,
    Query,
    Reduced,
    Scalar,
    Session,
    Stream,
    Trait,
    Window,
    Within,
    WithinParent,
    both,
    either,
)
from personas.core.query.vocabulary import COMPARATORS, READS

DATES = ("2024-12-31", "1970-01-01T05:00:00Z", "1970-01-02T00:30:00+01:00", "1970-01-04")
TEXTS = ("a", "b", "ab", "true", "25", "", "it's", "back\\slash", *DATES)
NUMBERS: tuple[int | float, ...] = (0, 1, 2, 25, -1.5, 0.1, 9.75)

DEEPEST_FUNNEL = 2
"""Events inside the `where` of others, one inside the other."""

literals = st.one_of(st.sampled_from(TEXTS), st.sampled_from(NUMBERS), st.booleans()).map(Literal)
SPANS = ((1, "second"), (1_800, "second"), (3_600, "second"), (5_400, "second"), (1, "hour"), (2, "hour"), (3, "hour"))
durations = st.sampled_from([*SPANS, (24, "hour"), (1, "day"), (2, "day")]).map(lambda pair: Duration(*pair))
spans = (
    st.tuples(durations, durations)
    .filter(lambda pair: pair[0].ms != pair[1].ms)
    .map(lambda pair: sorted(pair, key=lambda duration: duration.ms))
)
past_windows: st.SearchStrategy[Window] = durations.map(Within) | spans.map(lambda pair: Between(*pair))
windows: st.SearchStrategy[Window] = past_windows | st.sampled_from(
    [(1_800, "second"), (1, "hour"), (2, "hour"), (24, "hour")]
).map(lambda pair: Session(Duration(*pair)))
child_windows: st.SearchStrategy[Window] = st.one_of(
    past_windows, durations.map(WithinParent), durations.map(WithinParent), spans.map(lambda pair: BetweenParent(*pair))
)
sources = st.just(()) | st.lists(st.sampled_from(["src", "web", "it's"]), max_size=2, unique=True).map(tuple)


def fields(parent: bool = False) -> st.SearchStrategy[Field]:
    plain = st.sampled_from([("p",), ("q",)])
    deep = st.sampled_from([("o", "x"), ("l", EACH), ("l", EACH, "x"), ("o", "a.b"), ("$",)])
    places = st.sampled_from(["property", "context"])
    return st.builds(Field, places, st.one_of(plain, plain, deep).map(Path), st.just(parent))


def comparisons(subjects: st.SearchStrategy[Scalar]) -> st.SearchStrategy[Comparison]:
    def of(operator: str) -> st.SearchStrategy[Comparison]:
        others = literals | subjects
        arguments: st.SearchStrategy[Any] = {
            "none": st.just(()),
            "one": st.tuples(others),
            "some": st.lists(others, min_size=1, max_size=3).map(tuple),
            "date": st.tuples(st.sampled_from(DATES).map(Literal)),
            "duration": st.tuples(
                st.builds(Duration, st.sampled_from([1, 2, 24, 50]), st.sampled_from(["hour", "day"]))
            ),
        }[COMPARATORS[operator]]
        return st.builds(Comparison, subjects, st.just(operator), arguments)

    return st.sampled_from(sorted(COMPARATORS)).flatmap(of)


def conditions(part: st.SearchStrategy[Condition], leaves: int) -> st.SearchStrategy[Condition]:
    def junctions(part: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
        several = st.lists(part, min_size=2, max_size=3)
        return several.map(lambda parts: both(*parts)) | several.map(lambda parts: either(*parts)) | part.map(Not)

    return st.recursive(part, junctions, max_leaves=leaves)


def wheres(events: tuple[str, ...], keys: tuple[str, ...], level: int) -> st.SearchStrategy[Condition]:
    """What may stand inside the `where` of an event that has so many events around it."""
    own = comparisons(fields())
    dynamic = fields() | traits(keys) | (fields(parent=True) if level else fields())
    choices = [own, own, comparisons(dynamic)]
    if level < DEEPEST_FUNNEL:
        children = reduced(events, keys, level + 1).filter(lambda found: found.reducer != "unique")
        choices += [comparisons(children), st.builds(Comparison, children, st.just("at_least"), st.just((Literal(1),)))]
        choices += [comparisons(dynamic | children)]
    return conditions(st.one_of(choices), leaves=3)


def reduced(events: tuple[str, ...], keys: tuple[str, ...], level: int = 0) -> st.SearchStrategy[Reduced]:
    """At a level above 0 the stream is a funnel's child."""
    where = st.none() | st.deferred(lambda: wheres(events, keys, level))
    window = st.none() | (child_windows if level else windows)
    stream = st.builds(Stream, st.sampled_from(events), where, window, sources)

    def of(reducer: str) -> st.SearchStrategy[Reduced]:
        if reducer == "count":
            return st.builds(Reduced, stream, st.just(reducer))
        reads = st.none() | st.sampled_from(READS[reducer]) if reducer in READS else st.none()
        minimum = st.none() | st.integers(1, 3) if reducer == "mode" else st.none()
        return st.builds(Reduced, stream, st.just(reducer), fields(), reads, minimum)

    names = ("count", "sum", "avg", "min", "max", "mode", "first", "last", "unique", "unique_count")
    return st.sampled_from(names if not level else ("count", "count", *names)).flatmap(of)


def traits(keys: tuple[str, ...]) -> st.SearchStrategy[Trait]:
    return st.sampled_from([*((key,) for key in keys), ("o", "x"), ("l", EACH)]).map(lambda steps: Trait(Path(steps)))


def audiences(events: tuple[str, ...], keys: tuple[str, ...]) -> st.SearchStrategy[Condition]:
    scalars = reduced(events, keys).filter(lambda found: found.reducer != "unique") | traits(keys)
    return conditions(comparisons(scalars), leaves=4)


def account_audiences(events: tuple[str, ...], keys: tuple[str, ...]) -> st.SearchStrategy[Condition]:
    of_users = audiences(events, keys)
    return conditions(of_users | of_users.map(AnyMember) | of_users.map(AllMembers), leaves=3)


def computed_traits(events: tuple[str, ...], keys: tuple[str, ...]) -> st.SearchStrategy[Query]:
    return st.one_of(reduced(events, keys), reduced(events, keys), traits(keys))
