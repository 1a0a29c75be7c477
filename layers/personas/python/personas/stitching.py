"""Resolve one batch of the events stream: each event to its user profile, and a group call to its account too.

Events that share an identifier or a profile are resolved one after the other, in the order of the stream; the others
side by side, as each decision that writes waits for the network. Invariant: no event is passed over. Those of the first
record that failed and of all after it come again with that record, and are recognised by whoever had them before.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache

from botocore.exceptions import BotoCoreError, ClientError

from personas.aws import NotConfigured
from personas.core.dead_letter import DeadLetter
from personas.core.envelope import EventEnvelope
from personas.core.errors import NotFound, PersonasError
from personas.core.event import Event
from personas.core.identity.extraction import Extracted, extract
from personas.core.identity.islands import islands
from personas.core.identity.known import Known
from personas.core.identity.rules import Rules
from personas.stitcher import Resolved, Stitcher
from personas.stores import identity_rules, spaces

STAGE = "identity"
WORKERS = 8
"""Threads that wait for DynamoDB side by side: a transaction takes some 10 ms."""


class NobodyNamed(PersonasError):
    """Every identifier of the event is blocked, so that it belongs to no profile."""


class OutOfTime(PersonasError):
    """The function would be stopped before it could hand on what it resolved."""

    retryable = True


@dataclass(slots=True)
class Task:
    """One event of the batch, and what has become of it."""

    record: int
    """The place in the batch of the record that carries it."""
    event: Event
    rules: Rules
    rules_version: int
    ids: Extracted = field(default_factory=lambda: Extracted((), ()))
    envelope: EventEnvelope | None = None
    letter: DeadLetter | None = None
    failure: Exception | None = None

    @property
    def done(self) -> bool:
        return bool(self.envelope or self.letter)


@dataclass(frozen=True, slots=True)
class Stitched:
    envelopes: list[EventEnvelope]
    """In the order of the stream, of the records before `failed`."""
    letters: list[DeadLetter]
    dropped: int
    """Events of spaces that do not exist (any more)."""
    failed: int | None = None
    """The place of the first record that has to come again."""
    failure: Exception | None = field(default=None)


def stitch(records: Sequence[Sequence[Event]], known: Known, now: int, time_left: Callable[[], bool]) -> Stitched:
    """Idempotent: what was claimed or merged before is found again. Raises what reading the spaces' settings raises."""
    rules = _rules({event.space for events in records for event in events})
    tasks = [
        Task(place, event, *rules[event.space])
        for place, events in enumerate(records)
        for event in events
        if event.space in rules
    ]
    stitcher = Stitcher(known, now)
    for task in tasks:
        _guarded(task, now, _extract)
    ahead = [task for task in tasks if not task.done]
    stitcher.look_up((task.event.space, one) for task in ahead for one in (*task.ids.users, *task.ids.accounts))
    _resolve_all(ahead, stitcher, now, time_left)
    return _stitched(tasks, dropped=sum(map(len, records)) - len(tasks))


def _rules(of_spaces: set[str]) -> dict[str, tuple[Rules, int]]:
    """Of the spaces that exist, with their version."""
    found = {}
    for space, head in spaces.heads(of_spaces).items():
        try:
            found[space] = identity_rules.load(space, head.rules), head.rules
        except NotFound:
            continue
    return found


def _resolve_all(tasks: list[Task], stitcher: Stitcher, now: int, time_left: Callable[[], bool]) -> None:
    def work_off(island: list[Task]) -> None:
        for task in island:
            if not time_left():
                task.failure = OutOfTime("the rest of the batch is resolved by the next invocation")
            else:
                _guarded(task, now, lambda task: _resolve(task, stitcher))
            if task.failure:
                return

    waiting = []
    for island in _islands(tasks, stitcher):
        if _all_known(island, stitcher):
            work_off(island)
        else:
            waiting.append(island)
    if len(waiting) == 1:
        work_off(waiting[0])
    elif waiting:
        list(_threads().map(work_off, waiting))


def _islands(tasks: list[Task], stitcher: Stitcher) -> list[list[Task]]:
    """Groups of tasks that share no identifier and no profile, each in the order of the stream."""

    def marks(task: Task) -> Iterator[object]:
        for one in (*task.ids.users, *task.ids.accounts):
            yield task.event.space, stitcher.root_id_of(task.event.space, one) or one

    return islands(tasks, marks)


def _all_known(island: list[Task], stitcher: Stitcher) -> bool:
    """Nothing has to be read or written for any of them, so a thread would only be in the way."""
    return all(
        len(roots) == 1 and None not in roots
        for task in island
        for ids in filter(None, (task.ids.users, task.ids.accounts))
        for roots in [{stitcher.root_id_of(task.event.space, one) for one in ids}]
    )


def _guarded(task: Task, now: int, act: Callable[[Task], None]) -> None:
    """One event that cannot be handled is put aside; where nothing can be handled, the batch comes again."""
    try:
        act(task)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one event must not stop the others
        if _comes_again(error):
            task.failure = error
        else:
            task.letter = DeadLetter.of(STAGE, task.event, error, now)


def _extract(task: Task) -> None:
    task.ids = extract(task.rules, task.event)
    if not task.ids.users:
        raise NobodyNamed(
            "every identifier of the event is a blocked value: send a userId or an anonymousId that is not"
        )


def _resolve(task: Task, stitcher: Stitcher) -> None:
    stitcher.note_types(task.rules, task.rules_version, task.event.space, (*task.ids.users, *task.ids.accounts))
    user = stitcher.resolve(task.rules, task.event, task.ids.users)
    account: Resolved | None = None
    if task.ids.accounts:
        account = stitcher.resolve(task.rules, task.event, task.ids.accounts)
    kept = user.kept + (account.kept if account else ())
    task.envelope = EventEnvelope(user.profile, task.event, kept, account.profile if account else None)


def _comes_again(error: Exception) -> bool:
    """Whether the failure is not the event's own, but of a service, or of how the function is set up."""
    if isinstance(error, PersonasError):
        return error.retryable or isinstance(error, NotConfigured)
    if isinstance(error, ClientError):
        reasons = error.response.get("CancellationReasons", [])
        codes = {error.response["Error"]["Code"], *(reason.get("Code") for reason in reasons)}
        return not codes & {"ValidationException", "ValidationError"}
    return isinstance(error, BotoCoreError)


def _stitched(tasks: list[Task], dropped: int) -> Stitched:
    """An event behind a failure in its island was not reached: it counts as failed too."""
    failed = next((task for task in tasks if not task.done), None)
    sound = [task for task in tasks if failed is None or task.record < failed.record]
    first_failure = next((task.failure for task in tasks if task.failure), None)
    return Stitched(
        envelopes=[task.envelope for task in sound if task.envelope],
        letters=[task.letter for task in sound if task.letter],
        dropped=dropped,
        failed=failed.record if failed else None,
        failure=first_failure,
    )


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(WORKERS, thread_name_prefix="identity")
