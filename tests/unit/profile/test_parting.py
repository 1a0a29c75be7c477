"""A profile that was made two: both are as if they had never been one, whatever was in flight, merged, or died."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from personas.core.compute.splitting import LIMITS, Limits
from personas.core.event import Event
from personas.core.moments import HOUR
from personas.core.profile.profile import Profile
from personas.stores import pages, profiles, unmerges
from tests.unit.profile import test_backfill, test_once
from tests.unit.profile.parted_world import PartedWorld, row_owner
from tests.unit.profile.plane import Clock, Plane, installed
from tests.unit.profile.test_backfill import Later
from tests.unit.profile.test_once import PEOPLE, person, step, which, yes
from tests.unit.profile.world import START

some = st.sets(person, min_size=1, max_size=3)
steps = st.one_of(
    test_once.steps,
    test_once.steps,
    step("merge", person, person, yes),
    step("merge", person, person, yes),
    step("undo", which),
    step("undo", which),
    step("take_out", person, some),
    step("go_on", test_once.lives),
    step("go_on", test_once.lives),
    step("run_is_lost"),
)
steps_with_definitions = st.one_of(steps, steps, *test_backfill.backfill_steps)


def lived(history: list[tuple[Any, ...]], limits: Limits = LIMITS) -> None:
    plane, clock = Plane(), Clock(START)
    with installed(plane, clock, limits):
        life = Parting(plane, clock)
        for name, *arguments in history:
            getattr(life, name)(*arguments)
        life.check()


CASES: dict[str, list[tuple[Any, ...]]] = {
    "the other merged again before it heard of its first merge": [
        ("merge", "use_afg", "use_b", False),
        ("undo", 0),
        ("merge", "use_a", "use_b", True),
    ],
    "one merged into the restored one before that began anew": [
        ("merge", "use_aek", "use_a", False),
        ("undo", 0),
        ("call", "use_a", "order", 55, 3, False),
        ("call", "use_b", "identify", 78, 5, True),
        ("merge", "use_b", "use_aek", False),
    ],
    "the one that stays merged on, and folded for the restored one meanwhile": [
        ("merge", "use_b", "use_afg", True),
        ("undo", 0),
        ("call", "use_b", "identify", -10, 0, True),
        ("merge", "use_afg", "use_aek", False),
        ("send_late", 0, False),
        ("deliver", 290, 11, None),
    ],
    "the survivor leaves, and the loser stays where both had gone": [
        ("merge", "use_b", "use_afg", True),
        ("call", "use_b", "order", 10, 4, False),
        ("merge", "use_aek", "use_b", True),
        ("undo", 0),
    ],
    "an event came to the restored one for another that had merged into it": [
        ("merge", "use_aek", "use_a", False),
        ("call", "use_afg", "order", 84, 0, False),
        ("undo", 0),
        ("merge", "use_aek", "use_afg", False),
        ("call", "use_afg", "order", 84, 4, False),
        ("resolve", 0, True),
    ],
    "an event came through two that had merged, and the second left": [
        ("merge", "use_a", "use_aek", True),
        ("call", "use_b", "order", 43, 4, False),
        ("call", "use_a", "group", 154, 5, True),
        ("undo", 0),
        ("merge", "use_aek", "use_b", True),
    ],
    "the restored one became part of one that is about to be restored": [
        ("merge", "use_a", "use_aek", True),
        ("merge", "use_a", "use_b", True),
        ("call", "use_b", "order", 43, 4, True),
        ("undo", 1),
        ("finish",),
        ("undo", 0),
        ("merge", "use_aek", "use_b", True),
        ("call", "use_b", "order", 20, 2, True),
        ("call", "use_a", "order", 20, 3, True),
        ("settle",),
    ],
    "both had counted one event for the account of one": [
        ("call", "use_a", "order", 0, 0, True),
        ("merge", "use_a", "use_b", True),
        ("take_out", "use_a", {"use_a"}),
        ("resolve", 0, True),
        ("call", "use_a", "group", 0, 0, True),
    ],
    "the part that the division had waited for brought what was known already": [
        ("merge", "use_a", "use_b", False),
        ("call", "use_b", "order", 0, 0, False),
        ("undo", 0),
        ("save", 3),
        ("resolve", 0, True),
    ],
    "what was taken out merges, and that is undone in turn": [
        ("call", "use_a", "group", 20, 1, True),
        ("call", "use_aek", "order", 30, 2, True),
        ("merge", "use_a", "use_aek", True),
        ("take_out", "use_a", {"use_aek"}),
        ("finish",),
        ("call", "use_aek", "group", 10, 1, True),
        ("merge", "use_aek", "use_afg", True),
        ("call", "use_afg", "order", 5, 3, True),
        ("undo", 1),
        ("call", "use_afg", "order", 4, 2, True),
    ],
}


@pytest.mark.parametrize("case", CASES)
def test_what_once_went_wrong_goes_well(case: str) -> None:
    lived(CASES[case])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, min_size=20, max_size=70), test_once.limits)
def test_each_event_counts_once_for_whom_it_belongs_to(history: list[tuple[Any, ...]], limits: Limits) -> None:
    lived(history, limits)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps_with_definitions, min_size=20, max_size=70), test_once.limits)
def test_definitions_that_are_saved_meanwhile_cover_the_past_of_each(
    history: list[tuple[Any, ...]], limits: Limits
) -> None:
    lived(history, limits)


class Parting(Later):
    """A life in which profiles are made two again."""

    world: PartedWorld

    def __init__(self, plane: Plane, clock: Clock) -> None:
        super().__init__(plane, clock)

    def make_world(self) -> PartedWorld:
        world = PartedWorld(self.plane, self.clock, people=tuple(PEOPLE))
        world.begin()
        return world

    def merge(self, one: str, other: str, now: bool) -> None:
        merged = self.world.merge_by(one, other)
        if merged:
            self._send_or_wait(merged, now)

    def undo(self, which: int) -> None:
        if self.world.undo(which):
            self.runs.start()

    def take_out(self, of: str, leaving: set[str]) -> None:
        if self.world.take_out(of, leaving):
            self.runs.start()

    def settle(self) -> None:
        """All that was sent, while no run goes on."""
        self.world.settle()

    def finish(self) -> None:
        while self.runs.go_on():
            self.world.settle()

    def check(self) -> None:
        super().check()
        assert all(unmerge.rebuilt for unmerge in unmerges.of_space(self.world.space))

    def _hold_nothing(self, profile: Profile | None) -> None:
        """Who was a member before an unmerge is known as one who is none any more."""
        assert profile is None or not any(trait.value for trait in profile.traits().values())

    def paged(self, root: str) -> list[Event]:
        def mine(folded: pages.Folded) -> pages.Folded:
            return [one for one in folded if self.world.whose(one[1].identifiers[0]) == root]

        stored = profiles.read(self.world.space, root)
        made_of = {root, *stored.state.profiles} if stored else set()
        return pages.read(self.world.space, made_of, 0, self.clock.ms + HOUR, mine)

    def owner(self, row: dict[str, Any]) -> str:
        return row_owner(self.world, row)

    def _hold_images(self) -> None:
        for old, new in self.plane.images:
            after = profiles.of_image(new)
            if old:
                before = profiles.of_image(old)
                assert after.v == before.v + 1
                assert after.sequence >= before.sequence
