"""A world around the profiles room: people whose profiles merge, an identity stage that may run twice, lanes, time.

Everything in the room is the real code on the in-memory plane; only what lies before it is played here.
"""

from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from functions.backfill import shard, step
from functions.profiles import handler
from functions.recompute import plan, tick
from personas import barriers, linking, profiles_stream
from personas.core.compute.definition_set import DefinitionSet
from personas.core.envelope import Envelope, EventEnvelope, MergeEnvelope
from personas.core.event import Event
from personas.core.identifier import Identifier
from personas.core.moments import HOUR
from personas.core.profile.profile import Profile
from personas.core.profile.reading import as_of
from personas.core.query.definition import Definition, Options
from personas.core.saved_definition import SavedDefinition
from personas.core.workspace import Space
from personas.stores import definitions, links, profiles, spaces
from personas.stores.definitions import Change
from tests.unit.profile.plane import Clock, Died, Plane

START = 480_000 * HOUR
SPACE_IDS = iter(f"sp{number}" for number in range(1_000_000))
ANYONE = Options(external_ids=("user_id", "anonymous_id"))


def definition(
    name: str, query: str, kind: str = "computed_trait", version: int = 1, collection: str = "users"
) -> Definition:
    return Definition(f"id_{name}", name, name, kind, collection, query, version, ANYONE)


@dataclass
class World:
    plane: Plane
    clock: Clock
    space: str = field(default_factory=lambda: next(SPACE_IDS))
    roots: dict[str, str] = field(default_factory=dict)
    """Of each profile that lost a merge, the one that it lost to."""
    read_up_to: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    """Per lane, how many of its records are done: Lambda's checkpoint."""
    told_up_to: int = 0
    """How many changes of the table are told."""

    def create(self, *saved: Definition) -> None:
        spaces.create(Space(self.space, self.space, self.space, self.clock.ms))
        if saved:
            self.define(*saved)

    def define(self, *saved: Definition) -> None:
        entries = tuple(SavedDefinition(entry, "", True, 0, 0, live=entry) for entry in saved)
        kept = {entry.id for entry in saved}
        before = definitions.of_space(self.space)
        removed = tuple(entry.id for entry in before if entry.id not in kept)
        version = definitions.change(self.space, lambda *_: Change(entries, removed))
        barriers.send(self.space, version)

    def save(self, *wanted: Definition) -> None:
        """To be brought into force by a backfill, as the Control API does it."""
        known = {entry.id: entry for entry in definitions.of_space(self.space)}

        def decide(_: object, version: int) -> Change:
            return Change(tuple(self._wanted(known.get(one.id), replace(one, version=version)) for one in wanted))

        definitions.change(self.space, decide)

    def _wanted(self, known: SavedDefinition | None, definition: Definition) -> SavedDefinition:
        new = SavedDefinition(definition, "", True, 0, 0)
        return known.changed(definition, True) if known else new

    def begin_backfill(self, run: str = "run_1") -> "Running":
        return Running(self, {"space": self.space, "run": run, "step": "begin", "next": "step"})

    def backfill(self, run: str = "run_1") -> None:
        """To its end, while the lanes are worked off."""
        running = self.begin_backfill(run)
        while running.go_on():
            self.settle()

    # identity

    def root(self, profile: str) -> str:
        while profile in self.roots:
            profile = self.roots[profile]
        return profile

    def event(self, message_id: str, body: dict[str, Any], at: int | None = None) -> Event:
        now = self.clock.ms
        return Event(self.space, "src", now if at is None else at, now, {"messageId": message_id, **body})

    def resolved(self, profile: str, event: Event, account: str | None = None) -> EventEnvelope:
        """To the profile that is the root right now: it may not be any more when the envelope is sent."""
        identifiers = [Identifier("anonymous_id", f"of {profile}")]
        if account:
            identifiers.append(Identifier("group_id", event.body["groupId"], "accounts"))
        return EventEnvelope(self.root(profile), event, tuple(identifiers), account)

    def merge(self, loser: str, survivor: str) -> MergeEnvelope:
        self.roots[loser] = survivor
        return MergeEnvelope(self.space, loser, survivor, f"m {loser}", self.clock.ms)

    def send(self, *envelopes: Envelope) -> None:
        profiles_stream.send(envelopes)

    # Lambda

    def deliver(self, lanes: Iterable[int], most: int, lives: int | None = None) -> bool:
        """The next records of the lanes to the handler, at most so many. False: it died, and they will come again."""
        wanted = set(lanes)
        waiting = [
            (sequence, lane, key, data)
            for lane, records in self.plane.lanes.items()
            if lane in wanted
            for sequence, key, data in records[self.read_up_to[lane] :]
        ]
        batch = sorted(waiting)[:most]
        if not batch:
            return True
        records = [
            {"kinesis": {"sequenceNumber": str(sequence), "partitionKey": key, "data": b64encode(data).decode()}}
            for sequence, _, key, data in batch
        ]
        self.plane.lives = lives
        try:
            answer = handler.handle({"Records": records}, None)
        except Died:
            return False
        finally:
            self.plane.lives = None
        if answer["batchItemFailures"]:
            assert answer["batchItemFailures"] == [{"itemIdentifier": str(batch[0][0])}]
            return False
        for _, lane, _, _ in batch:
            self.read_up_to[lane] += 1
        return True

    def tell(self, most: int, lives: int | None = None) -> bool:
        """The next changes of the table to who tells linked profiles. False: it died, and they will come again."""
        batch = self.plane.changed[self.told_up_to : self.told_up_to + most]
        written = [(old, new) for old, new in batch if not links.is_link(new)]
        begun = [links.begun(old, new) for old, new in batch if links.is_link(new)]
        self.plane.lives = lives
        try:
            linking.tell(
                [(profiles.of_image(old) if old else None, profiles.of_image(new)) for old, new in written],
                [one for one in begun if one],
            )
        except Died:
            return False
        finally:
            self.plane.lives = None
        self.told_up_to += len(batch)
        return True

    def rewind(self, records: int) -> None:
        """The poller lost its checkpoints: what was done comes again."""
        for lane in self.read_up_to:
            self.read_up_to[lane] = max(0, self.read_up_to[lane] - records)

    def pending(self) -> bool:
        return any(len(records) > self.read_up_to[lane] for lane, records in self.plane.lanes.items())

    def settle(self) -> None:
        while self.pending() or self.told_up_to < len(self.plane.changed):
            self.deliver(list(self.plane.lanes), 500)
            self.tell(500)

    def recompute(self) -> int:
        """One run of the workflow; returns how many buckets it found."""
        planned = plan.handle({}, None)
        listed = self.plane.get_object(Bucket=planned["bucket"], Key=planned["key"])
        refs = orjson.loads(listed["Body"].read())
        assert planned["count"] == len(refs)
        for ref in refs:
            tick.handle(ref, None)
        return len(refs)

    # readers

    def definitions(self, version: int) -> DefinitionSet:
        return definitions.load(self.space, version)

    def stored(self, profile: str) -> Profile | None:
        found = profiles.read(self.space, profile)
        return found.profile if found else None

    def now(self, profile: str) -> Profile | None:
        found = profiles.read(self.space, profile)
        return as_of(found, self.definitions(found.version), self.clock.ms) if found else None

    def computed(self, profile: str, shown: Callable[["World", str], Profile | None] = now) -> dict[str, Any]:
        found = shown(self, profile)
        return {key: entry.value for key, entry in found.computed.items()} if found else {}


@dataclass
class Running:
    """An execution of the backfill workflow, as Step Functions goes through it: task by task, each retried."""

    world: World
    state: dict[str, Any]
    waiting: list[dict[str, Any]] = field(default_factory=list)
    """The shards of the Map that it is in."""

    def go_on(self, lives: int | None = None) -> bool:
        """The next task; `lives`: the writes until its worker dies, and is to be tried again. False: the end."""
        plane = self.world.plane
        if self.state["next"] == "end":
            return False
        plane.lives = lives
        try:
            if self.waiting:
                shard.handle(self.waiting[0], None)
                self.waiting.pop(0)
            else:
                self.state = step.handle(self.state, None)
                if self.state["next"] == "map":
                    body = plane.get_object(Bucket=self.state["bucket"], Key=self.state["key"])["Body"]
                    self.waiting = orjson.loads(body.read())
        except Died:
            pass
        finally:
            plane.lives = None
        return self.state["next"] != "end"
