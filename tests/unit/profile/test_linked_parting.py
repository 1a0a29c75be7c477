"""What accounts and users ask each other holds, too, where a user was made two."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.profile import test_linked_lives
from tests.unit.profile.plane import Clock, Plane, installed
from tests.unit.profile.test_linked_lives import Linked
from tests.unit.profile.test_once import lives, person, step, which
from tests.unit.profile.test_parting import Parting, some
from tests.unit.profile.world import START

steps = st.one_of(
    test_linked_lives.steps,
    test_linked_lives.steps,
    test_linked_lives.steps,
    step("undo", which),
    step("undo", which),
    step("take_out", person, some),
    step("go_on", lives),
    step("go_on", lives),
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, min_size=30, max_size=80))
def test_accounts_and_users_agree_where_users_were_made_two(history: list[tuple[Any, ...]]) -> None:
    plane, clock = Plane(), Clock(START)
    with installed(plane, clock):
        life = Both(plane, clock)
        for name, *arguments in history:
            getattr(life, name)(*arguments)
        life.check()


class Both(Linked, Parting):
    def check(self) -> None:
        """A run waits for merges that identity has not announced yet."""
        self.world.send(*self.waiting)
        self.waiting = []
        super().check()

    def _hold_order(self) -> None:
        """Users leave their accounts where others take the calls along that had made them join."""
