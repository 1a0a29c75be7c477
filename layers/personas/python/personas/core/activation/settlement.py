"""What becomes of a batch once its calls were answered: which items are done, which wait, which calls are dead."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from personas.core.activation.backoff import retry_at
from personas.core.activation.batch import Batch, Item
from personas.core.activation.dead_delivery import DeadDelivery

DELIVERED, SKIPPED, RETRY, DEAD = "delivered", "skipped", "retry", "dead"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one call."""

    status: str
    """`delivered`, `skipped` (no subscription takes it), `retry` or `dead`."""
    reason: str = ""
    retry_after: int | None = None
    """The tool's word when to come again, in ms from then."""

    @classmethod
    def of_data(cls, data: dict[str, Any]) -> "Answer":
        return cls(data["status"], data.get("reason", ""), data.get("retryAfter"))


@dataclass(frozen=True, slots=True)
class Waiting:
    """An item that is tried again, and when."""

    item: Item
    due: int


@dataclass(frozen=True, slots=True)
class Settlement:
    done: tuple[Item, ...]
    waiting: tuple[Waiting, ...]
    dead: tuple[DeadDelivery, ...]
    counts: dict[str, int]
    """Calls by what came of them: `delivered`, `skipped`, `retry`, `dead`."""


def settle(batch: Batch, answers: list[list[Answer]], now: int, chance: Callable[[], float]) -> Settlement:
    """`answers` are those of each item's calls, in their order. `chance` gives the jitter, in [0, 1]."""
    done: list[Item] = []
    waiting: list[Waiting] = []
    dead: list[DeadDelivery] = []
    counts = {DELIVERED: 0, SKIPPED: 0, RETRY: 0, DEAD: 0}
    for item, given in zip(batch.items, answers, strict=True):
        due = _due(item, given, now, chance)
        finished = list(item.finished)
        for call, answer in zip(item.calls, given, strict=True):
            status = DEAD if answer.status == RETRY and due is None else answer.status
            counts[status] += 1
            if status == DEAD:
                dead.append(_letter(batch, item, call, answer, now))
            if status != RETRY:
                finished.append(call["messageId"])
        if due is None:
            done.append(item)
        else:
            waiting.append(Waiting(replace(item, finished=tuple(finished)), due))
    return Settlement(tuple(done), tuple(waiting), tuple(dead), counts)


def failed(batch: Batch, reason: str) -> list[list[Answer]]:
    """The answers where `deliver` gave none: nobody knows which calls arrived, so all are tried again."""
    return [[Answer(RETRY, reason)] * len(item.calls) for item in batch.items]


def _due(item: Item, given: list[Answer], now: int, chance: Callable[[], float]) -> int | None:
    """When the item is to be tried again; None where nothing of it is left to try, or the time for it is over."""
    again = [answer for answer in given if answer.status == RETRY]
    if not again:
        return None
    retry_after = max((answer.retry_after or 0 for answer in again), default=0)
    return retry_at(now, item.first_tried, item.tries, retry_after, chance())


def _letter(batch: Batch, item: Item, call: dict[str, Any], answer: Answer, now: int) -> DeadDelivery:
    queue = batch.queue
    reason = answer.reason if answer.status == DEAD else f"gave up after 72 hours; last: {answer.reason}"
    return DeadDelivery(queue.space, queue.destination, item.profile, item.change, call, reason, now)
