"""A tile is seen exactly when the rule of its window holds for its events, whatever the window's length."""

import itertools

import pytest

from personas.core.compute.windows import Between, Duration, TileWindow, Within
from personas.core.moments import HOUR

LENGTHS = [Duration(amount, "second") for amount in (1, 60, 3_599, 3_600, 3_601, 9_000)] + [Duration(1, "day")]
NOON = 12 * HOUR
EDGES = sorted({edge * 1_000 + ms for edge in (0, 1, 60, 1_800, 3_599, 3_600) for ms in (-1, 0, 1)})
MOMENTS = [NOON + hours * HOUR + edge for hours in (-26, -25, -24, -4, -3, -2, -1, 0) for edge in EDGES]
LOOKS = [NOON + hours * HOUR + past for hours in (0, 1, 2) for past in (0, 1, HOUR - 1)]


@pytest.mark.parametrize("length", LENGTHS, ids=str)
def test_within_holds_the_last_hours_up_to_now(length: Duration) -> None:
    window = TileWindow.of(Within(length))
    for at, now in itertools.product(MOMENTS, LOOKS):
        if at <= now:
            assert (window.last(window.tile(at)) >= now // HOUR) == (now // HOUR * HOUR - length.ms <= at)


@pytest.mark.parametrize(
    ("start", "end"), list(itertools.combinations([Duration(0, "hour"), *LENGTHS], 2)), ids=lambda span: f"{span.ms}"
)
def test_between_holds_what_lies_in_between(start: Duration, end: Duration) -> None:
    window = TileWindow.of(Between(start, end))
    for at, now in itertools.product(MOMENTS, LOOKS):
        tile, hour = window.tile(at), now // HOUR
        first = window.first(tile)
        assert first is not None
        assert (first <= hour <= window.last(tile)) == (hour * HOUR - end.ms <= at < hour * HOUR - start.ms)
