"""Let an actor act, and set aside what it cannot handle: one bad event harms nothing but itself."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from personas.core.dead_letter import DeadLetter
from personas.core.envelope import EventEnvelope
from personas.core.errors import TooLarge
from personas.core.profile.actor import Actor
from personas.core.profile.delivery import Delivery, Number, Outcome, Recall, Recalled
from personas.core.profile.stored import Stored

STAGE = "profiles"


class ProfileTooLarge(TooLarge):
    """The event would make the profile larger than the store can hold."""


def act(
    stored: Stored,
    deliveries: Sequence[Delivery],
    recalled: Recalled,
    now_ms: int,
    refused: Mapping[Number, Exception] | None = None,
) -> Outcome | Recall:
    """What comes of the deliveries, or what is to be read first.

    An event that makes the actor fail, there and then or in the evaluation after it, becomes a dead letter and is not
    remembered, so that a replay counts it. An envelope of another kind that fails is our own fault, and raises.
    `refused` are events that are known to fail, with the reason.
    """
    dead = {
        place: DeadLetter.of(STAGE, delivery.envelope.event, refused[delivery.number], now_ms)
        for place, delivery in enumerate(deliveries if refused else ())
        if refused and delivery.number in refused and isinstance(delivery.envelope, EventEnvelope)
    }
    careful = False
    while True:
        actor = Actor(stored, recalled, now_ms)
        place = -1
        try:
            for place, delivery in enumerate(deliveries):
                if place in dead:
                    continue
                actor.take(delivery)
                if careful and not actor.lacks():
                    actor.evaluate()
            place = -1
            outcome = actor.outcome()
        except Exception as error:
            if place >= 0 and isinstance(envelope := deliveries[place].envelope, EventEnvelope):
                dead[place] = DeadLetter.of(STAGE, envelope.event, error, now_ms)
            elif place < 0 and not careful:
                careful = True  # some event made the evaluation fail: find out which, evaluating after each
            else:
                raise
        else:
            if isinstance(outcome, Outcome) and dead:
                return replace(outcome, dead=tuple(dead.values()))
            return outcome
