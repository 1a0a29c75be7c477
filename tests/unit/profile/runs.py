"""The backfill workflow of a space as the service runs it: one execution at a time, started anew where one is lost."""

from dataclasses import dataclass

from personas import backfill, backfill_due
from personas.core.backfill.run import LEASE
from personas.core.moments import MINUTE
from personas.stores import compaction, definitions
from personas.stores.archive_logs import EVENTS
from personas.stores.definitions import Change
from tests.unit.profile.plane import Died
from tests.unit.profile.world import Running, World

MOST_STEPS = 500


@dataclass
class Runs:
    world: World
    started: int = 0
    running: Running | None = None

    def start(self) -> None:
        """Somebody saved something. A run that is under way sees to it, as long as it holds the lease."""
        self.started += 1
        another = self.world.begin_backfill(f"run_{self.started}")
        if self.running is None or another.go_on():
            self.running = another  # the one before has not begun, or its lease is out: it ends by itself

    def go_on(self, lives: int | None = None) -> bool:
        """False: the run is over, perhaps because it failed."""
        try:
            goes_on = bool(self.running and self.running.go_on(lives))
        except (backfill.LanesBehind, backfill.LeaseLost) as error:
            assert self.running
            backfill.give_up(self.running.state, f"{type(error).__name__}: {error}")
            goes_on = False
        if not goes_on:
            self.running = None
        return goes_on

    def lose(self) -> None:
        """Its execution was aborted: another one takes over once the lease is out."""
        if self.running:
            self.running = None
            self.world.clock.ms += LEASE + 1
            self.start()

    def finish(self) -> None:
        """All that is due, to its end, while the lanes are worked off."""
        while self.running or backfill_due.is_due(self.world.space):
            if self.running is None:
                self.start()
            steps = 0
            while self.go_on():
                self.world.settle()
                steps += 1
                self.world.clock.ms += 20 * MINUTE if steps % 100 == 0 else 0  # what waits is left to another run
                assert steps < MOST_STEPS, f"it never ends: {self.running and self.running.state}"
        self.world.settle()


def finish_all(runs: Runs) -> None:
    """Also what a run gave up, as lanes had stood still for hours: somebody has it done again."""
    runs.finish()
    for failed in [one for one in definitions.of_space(runs.world.space) if one.enabled and one.failure]:
        restarted = Change((failed.restarted(),))
        definitions.change(runs.world.space, lambda *_, restarted=restarted: restarted)
    runs.finish()


def compact(world: World, lives: int | None = None) -> None:
    """Whatever days there are of the archive, also the one that is not over."""
    world.plane.lives = lives
    try:
        for job, objects in compaction.due(world.space, EVENTS, "9999"):
            for shard in range(job.shards):
                compaction.compact(job, shard, objects)
    except Died:
        pass
    finally:
        world.plane.lives = None
