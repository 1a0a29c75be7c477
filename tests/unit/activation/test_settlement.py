"""From a tool's answers to what becomes of each item."""

from typing import Any

import pytest

from personas.core.activation.batch import Batch, Item
from personas.core.activation.change import Change, Computation
from personas.core.activation.dead_delivery import DeadDelivery
from personas.core.activation.pending import Pending
from personas.core.activation.queue import Queue
from personas.core.activation.settlement import Answer, failed, settle
from personas.core.moments import HOUR, MINUTE

NOW = 1_000 * HOUR
DELIVERED, RETRY, DEAD = Answer("delivered"), Answer("retry", "503"), Answer("dead", "400 no")


def _item(first_tried: int | None = None, tries: int = 0, finished: tuple[str, ...] = ()) -> Item:
    change = Change("spa_1", "use_1", Computation("aud_1", "vip", "audience"), 3, True, NOW, {"user_id": ("u1",)})
    return Item.of(Pending("des_1", change, NOW, tries, first_tried, finished), "shop", NOW)


def _settle(answers: list[Answer], item: Item | None = None) -> Any:
    batch = Batch(Queue("spa_1", "des_1", 0), 1, 1.0, (item or _item(),), ())
    return settle(batch, [answers], NOW, lambda: 1.0)


def test_what_was_delivered_is_done() -> None:
    settled = _settle([DELIVERED, DELIVERED])
    assert len(settled.done) == 1
    assert settled.counts == {"delivered": 2, "skipped": 0, "retry": 0, "dead": 0}


def test_only_the_call_that_failed_is_tried_again() -> None:
    settled = _settle([DELIVERED, RETRY])
    (waiting,) = settled.waiting
    assert waiting.due == NOW + MINUTE
    again = _item(tries=1, finished=waiting.item.finished)
    assert [call["type"] for call in again.calls] == ["track"]


def test_the_tools_word_when_to_come_again_is_obeyed() -> None:
    (waiting,) = _settle([Answer("retry", "429", 30 * MINUTE), RETRY]).waiting
    assert waiting.due == NOW + 30 * MINUTE


def test_what_is_dead_is_kept_with_the_reason_and_is_done() -> None:
    settled = _settle([DEAD, DELIVERED])
    (letter,) = settled.dead
    assert (letter.reason, letter.call["type"]) == ("400 no", "identify")
    assert len(settled.done) == 1
    assert DeadDelivery.of_data(letter.to_data()) == letter


def test_the_same_dead_call_is_the_same_letter() -> None:
    (first,), (second,) = _settle([DEAD, DELIVERED]).dead, _settle([DEAD, RETRY]).dead
    assert first.key == second.key
    assert first.key.startswith("spa_1/deliver/")


def test_after_72_hours_it_is_given_up() -> None:
    settled = _settle([DELIVERED, RETRY], _item(first_tried=NOW - 72 * HOUR, tries=40))
    (letter,) = settled.dead
    assert "gave up" in letter.reason
    assert "503" in letter.reason
    assert settled.waiting == ()


@pytest.mark.parametrize("tries", range(60))
def test_the_last_try_is_within_72_hours_and_a_minute(tries: int) -> None:
    first = NOW - 71 * HOUR
    (waiting,) = _settle([RETRY, RETRY], _item(first_tried=first, tries=tries)).waiting
    assert NOW < waiting.due <= first + 72 * HOUR + MINUTE


def test_where_deliver_failed_as_a_whole_everything_is_tried_again() -> None:
    batch = Batch(Queue("spa_1", "des_1", 0), 1, 1.0, (_item(), _item()), ())
    assert failed(batch, "out of memory") == [[Answer("retry", "out of memory")] * 2] * 2


def test_a_batch_survives_its_journey() -> None:
    batch = Batch(Queue("spa_1", "des_1", 2), 5, 1.5, (_item(),), ("e1",))
    assert Batch.of_data(batch.to_data()) == batch
    assert batch.key == "activation/spa_1/des_1/2/0000000005.json"
