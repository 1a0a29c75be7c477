"""Anything may happen in any order: sends, clock advances, definitions, merges and un-merges, against the oracle.

It looks for what nobody has thought of. So each change is held against the same hundred lives, lest it be blamed for
what was wrong before; the nightly profile goes on looking, with others each time.
"""

from contextlib import ExitStack

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from personas.core.compute.splitting import LIMITS, Limits
from personas.core.moments import DAY, MINUTE
from personas.core.query.definition import Options
from personas.core.saved_definition import BeingComputed
from tests.unit.compute.cold_table import TINY
from tests.unit.profile.living_space import LivingSpace
from tests.unit.profile.plane import Clock, Plane, installed
from tests.unit.profile.pool import POOL
from tests.unit.profile.random_calls import Call, calls
from tests.unit.profile.runs import compact
from tests.unit.profile.world import ANYONE, START

EXAMPLES = max(1, settings().max_examples // 5)

which = st.integers(0, 50)
lives = st.one_of(st.none(), st.none(), st.integers(0, 12))
places = st.integers(0, len(POOL) - 1)
since = st.sampled_from([None, None, None, START - DAY, START + DAY])
schedules = st.sampled_from([1, 1, 1, 2, 3, 24])
options = st.builds(Options, st.sampled_from([ANYONE.external_ids, ("user_id",)]), since, schedules)


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.plane, self.clock = Plane(), Clock(START)

    @initialize(
        limits=st.sampled_from([LIMITS, *TINY]),
        calls=st.lists(calls, min_size=5, max_size=15),
        wanted=st.lists(st.tuples(places, which, options), min_size=4, max_size=16),
    )
    def begin(self, limits: Limits, calls: list[Call], wanted: list[tuple[int, int, Options]]) -> None:
        self.stack.enter_context(installed(self.plane, self.clock, limits))
        self.space = LivingSpace(self.plane, self.clock)
        self.calls_come(calls)
        for place, which, chosen in wanted:
            self.somebody_defines(place, which, chosen)

    # Calls

    @rule(calls=st.lists(calls, min_size=1, max_size=5))
    def calls_come(self, calls: list[Call]) -> None:
        for call in calls:
            self.space.send(*call.at(self.clock.ms))

    @precondition(lambda self: self.space.sent)
    @rule(which=which)
    def comes_again(self, which: int) -> None:
        event = self.space.sent[-1 - which % len(self.space.sent)]
        if event.received > self.clock.ms - DAY:
            self.space.resolve(event)

    # Merges taken back

    @precondition(lambda self: self.space.bridges())
    @rule(which=which, soon=st.booleans())
    def a_merge_is_undone(self, which: int, soon: bool) -> None:
        bridges = self.space.bridges()
        self.space.undo(*bridges[which % len(bridges)], soon)

    @precondition(lambda self: self.space.divisible())
    @rule(which=which, some=st.integers(1, 15), soon=st.booleans())
    def identifiers_are_taken_out(self, which: int, some: int, soon: bool) -> None:
        people = self.space.divisible()
        person = people[which % len(people)]
        held = sorted(person.gained)
        leaving = [one for place, one in enumerate(held) if some >> place & 1] or held[:1]
        self.space.take_out(person, leaving[: len(held) - 1], soon)

    # The workers

    @rule(lanes=st.sets(st.integers(0, 2), min_size=1), most=st.integers(1, 20), lives=lives, announced=st.booleans())
    def some_is_folded(self, lanes: set[int], most: int, lives: int | None, announced: bool) -> None:
        if announced:
            self.space.world.announce()
        self.space.world.deliver([lane for lane in sorted(self.plane.lanes) if lane % 3 in lanes], most, lives)

    @rule(most=st.integers(1, 10), lives=lives)
    def some_is_told(self, most: int, lives: int | None) -> None:
        self.space.world.tell(most, lives)

    @rule(steps=st.integers(1, 6), lives=lives, rest=st.booleans())
    def a_run_goes_on(self, steps: int, lives: int | None, rest: bool) -> None:
        for _ in range(steps):
            self.space.desk.runs.go_on(lives)
            if rest:
                self.space.rest()

    @rule(lives=lives)
    def the_archive_is_compacted(self, lives: int | None) -> None:
        compact(self.space.world, lives)

    # Time

    @rule(minutes=st.integers(1, 200), recompute=st.booleans())
    def time_passes(self, minutes: int, recompute: bool) -> None:
        self.clock.ms += minutes * MINUTE
        if recompute:
            self.space.recompute()

    @rule(days=st.sampled_from([1, 1, 2, 3]))
    def days_pass(self, days: int) -> None:
        """Without anything in flight, as streams keep nothing for longer, and without the hourly run."""
        self.space.rest()
        self.clock.ms += days * DAY

    # Definitions

    @rule(place=places, which=which, options=options)
    def somebody_defines(self, place: int, which: int, options: Options) -> None:
        entry = POOL[place]
        name = (entry.collection, entry.key)
        known = self.space.desk.named(name)
        query = entry.queries[which % len(entry.queries)]
        if known is None:
            self.space.desk.create(entry, query, options)
        else:
            try:
                self.space.desk.edit(known, query, options.every_hours)
            except BeingComputed:
                return
        self.space.unsure.add(name)

    @precondition(lambda self: self.space.desk.all())
    @rule(which=which, how=st.sampled_from(["disable", "delete"]))
    def somebody_stops(self, which: int, how: str) -> None:
        every = self.space.desk.all()
        self.space.stop(every[which % len(every)], how)

    @invariant()
    def nothing_shows_early(self) -> None:
        self.space.hold_nothing_early()

    @rule()
    def all_rests(self) -> None:
        self.space.hold()

    @rule(every=schedules)
    def the_hour_is_full(self, every: int) -> None:
        self.space.hold_at_the_hour(every)

    def teardown(self) -> None:
        try:
            self.space.hold_at_the_hour()
            self.clock.ms += DAY
            self.space.hold_at_the_hour(24)
        finally:
            self.stack.close()


Machine.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=30,
    deadline=None,
    derandomize=settings.get_current_profile_name() != "nightly",
    suppress_health_check=list(HealthCheck),
)
TestWhateverHappensTheSpaceShowsWhatTheOracleSays = Machine.TestCase
