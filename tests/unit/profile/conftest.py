"""A world on the plane in memory, with one space; and a space in which everything happens."""

from collections.abc import Iterator

import pytest

from personas import backfill_fold
from tests.unit.profile.living_space import LivingSpace
from tests.unit.profile.plane import Clock, Plane, installed
from tests.unit.profile.world import START, World


@pytest.fixture
def world() -> Iterator[World]:
    plane, clock = Plane(), Clock(START)
    with installed(plane, clock):
        world = World(plane, clock)
        world.create()
        yield world


@pytest.fixture
def space() -> Iterator[LivingSpace]:
    plane, clock = Plane(), Clock(START)
    with installed(plane, clock):
        yield LivingSpace(plane, clock)


@pytest.fixture(scope="module", params=[0, 1_000_000], ids=["in SQL", "by the stream's code"])
def folding(request: pytest.FixtureRequest) -> Iterator[None]:
    """How backfills fold the archive."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(backfill_fold, "FEWEST_ROWS", request.param)
        yield
