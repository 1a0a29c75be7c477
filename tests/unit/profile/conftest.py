"""A world on the plane in memory, with one space."""

from collections.abc import Iterator

import pytest

from .plane import Clock, Plane, installed
from .world import START, World


@pytest.fixture
def world() -> Iterator[World]:
    plane, clock = Plane(), Clock(START)
    with installed(plane, clock):
        world = World(plane, clock)
        world.create()
        yield world
