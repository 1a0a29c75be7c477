"""Random well-formed trees: every condition, reducer, window and operand that the language has so far."""

from typing import Any

from hypothesis import strategies as st

from personas.core.query.path import EACH, Path
from personas.core.query.tree import (
    Between,
    Comparison,
    Condition,
    Duration,
    Field,
    Literal,
    Not,
    Query,
    Reduced,
    Scalar,
    Stream,
    Trait,
    Window,
    Within,
    both,
    either,
)
from personas.core.query.vocabulary import COMPARATORS, NOW_RELATIVE, READS

DATES = ("2024-12-31", "1970-01-01T05:00:00Z", "1970-01-02T00:30:00+01:00", "1970-01-04")
TEXTS = ("a", "b", "ab", "true", "25", "", "it's", "back\\slash", *DATES)
NUMBERS: tuple[int | float, ...] = (0, 1, 2, 25, -1.5, 0.1, 9.75)

literals = st.one_of(st.sampled_from(TEXTS), st.sampled_from(NUMBERS), st.booleans()).map(Literal)
SPANS = ((1, "second"), (1_800, "second"), (3_600, "second"), (5_400, "second"), (1, "hour"), (2, "hour"), (3, "hour"))
durations = st.sampled_from([*SPANS, (24, "hour"), (1, "day"), (2, "day")]).map(lambda pair: Duration(*pair))
windows: st.SearchStrategy[Window] = durations.map(Within) | st.tuples(durations, durations).filter(
    lambda pair: pair[0].ms != pair[1].ms
).map(lambda pair: Between(*sorted(pair, key=lambda duration: duration.ms)))


def fields(keys: tuple[str, ...] = ("p", "q")) -> st.SearchStrategy[Field]:
    plain = st.sampled_from([(key,) for key in keys])
    deep = st.sampled_from([("o", "x"), ("l", EACH), ("l", EACH, "x"), ("o", "a.b"), ("$",)])
    return st.builds(Field, st.sampled_from(["property", "context"]), st.one_of(plain, plain, deep).map(Path))


def comparisons(subjects: st.SearchStrategy[Scalar], inside_where: bool) -> st.SearchStrategy[Comparison]:
    others = literals if inside_where else literals | subjects

    def of(operator: str) -> st.SearchStrategy[Comparison]:
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

    return st.sampled_from(sorted(set(COMPARATORS) - (NOW_RELATIVE if inside_where else set()))).flatmap(of)


def conditions(subjects: st.SearchStrategy[Scalar], inside_where: bool, leaves: int) -> st.SearchStrategy[Condition]:
    def junctions(part: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
        several = st.lists(part, min_size=2, max_size=3)
        return several.map(lambda parts: both(*parts)) | several.map(lambda parts: either(*parts)) | part.map(Not)

    return st.recursive(comparisons(subjects, inside_where), junctions, max_leaves=leaves)


def reduced(events: tuple[str, ...]) -> st.SearchStrategy[Reduced]:
    where = st.none() | conditions(fields(), inside_where=True, leaves=3)
    stream = st.builds(Stream, st.sampled_from(events), where, st.none() | windows)

    def of(reducer: str) -> st.SearchStrategy[Reduced]:
        if reducer == "count":
            return st.builds(Reduced, stream, st.just(reducer))
        reads = st.none() | st.sampled_from(READS[reducer]) if reducer in READS else st.none()
        minimum = st.none() | st.integers(1, 3) if reducer == "mode" else st.none()
        return st.builds(Reduced, stream, st.just(reducer), fields(), reads, minimum)

    names = ("count", "sum", "avg", "min", "max", "mode", "first", "last", "unique", "unique_count")
    return st.sampled_from(names).flatmap(of)


def traits(keys: tuple[str, ...]) -> st.SearchStrategy[Trait]:
    return st.sampled_from([*((key,) for key in keys), ("o", "x"), ("l", EACH)]).map(lambda steps: Trait(Path(steps)))


def audiences(events: tuple[str, ...], keys: tuple[str, ...]) -> st.SearchStrategy[Condition]:
    scalars = reduced(events).filter(lambda found: found.reducer != "unique") | traits(keys)
    return conditions(scalars, inside_where=False, leaves=4)


def computed_traits(events: tuple[str, ...], keys: tuple[str, ...]) -> st.SearchStrategy[Query]:
    return st.one_of(reduced(events), reduced(events), traits(keys))
