"""`personas replay`: puts back what died, once its cause is mended, and says in words what it did.

>>> told(Replayed(events=2, deliveries=1), "space dev", 0)
'2 events and 1 delivery of space dev were put back'
>>> told(Replayed(), "space dev", 1)
'Of space dev there is nothing to put back. 1 batch was given up as a whole: personas replay --batches'
>>> told_batches(ReplayedBatches(2, 7, ("aws/lambda/x: no such stream",)))
'2 batches with 7 records were put back\\n1 batch is still there:\\n  aws/lambda/x: no such stream'
"""

import argparse
from pathlib import Path

from personas.core.errors import InvalidInput, PersonasError
from personas.local import checkout, operating
from personas.replay import Replayed, replay
from personas.replay_batches import ReplayedBatches, replay_batches
from personas.stores import discarded_batches

LETTERS = ("identity", "profiles", "deliver")
BATCHES = ("identity", "profiles", "merges", "changes")


class BatchesLeft(PersonasError):
    """Some batches could not be put back; the message says what was, and what was not and why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--space", help="dead letters of this space, by id or slug (default: the local engine's own)")
    what.add_argument("--batches", action="store_true", help="what Lambda gave up as a whole, of all spaces")
    stages = sorted({*LETTERS, *BATCHES})
    parser.add_argument("--stage", choices=stages, help="only what died in this function")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--state", type=Path, default=checkout.STATE, help="of the local engine (default .personas)")
    where.add_argument("--stack", help="a stack on AWS, such as Personas-dev, with your own credentials")


def run(given: argparse.Namespace) -> str:
    """What was done, in words. Raises InvalidInput, BatchesLeft, and what `operating` raises."""
    stages = BATCHES if given.batches else LETTERS
    if given.stage not in (None, *stages):
        raise InvalidInput(f"--stage is one of {', '.join(stages)} here", "stage")
    if given.stack and not (given.space or given.batches):
        raise InvalidInput("say which: --space ID, or --batches", "space")
    state = given.state.resolve()
    with operating.stack(given.stack) if given.stack else operating.engine(state):
        if given.batches:
            replayed = replay_batches(given.stage)
            if replayed.failed:
                raise BatchesLeft(told_batches(replayed))
            return told_batches(replayed)
        space = given.space or operating.facts(state)["space_id"]
        whose = f"space {space}" + (f" (stage {given.stage})" if given.stage else "")
        return told(replay(space, given.stage), whose, len(discarded_batches.waiting()))


def told(replayed: Replayed, whose: str, batches_waiting: int) -> str:
    if replayed.events or replayed.deliveries:
        events, deliveries = _some(replayed.events, "event"), _some(replayed.deliveries, "delivery")
        words = f"{events} and {deliveries} of {whose} were put back"
    else:
        words = f"Of {whose} there is nothing to put back"
    if batches_waiting:
        verb = "was" if batches_waiting == 1 else "were"
        words += f". {_some(batches_waiting, 'batch')} {verb} given up as a whole: personas replay --batches"
    return words


def told_batches(replayed: ReplayedBatches) -> str:
    if not (replayed.batches or replayed.failed):
        return "No batch was given up as a whole: there is nothing to put back"
    words = f"{_some(replayed.batches, 'batch')} with {_some(replayed.records, 'record')} were put back"
    if replayed.failed:
        verb = "is" if len(replayed.failed) == 1 else "are"
        words += f"\n{_some(len(replayed.failed), 'batch')} {verb} still there:"
        words += "".join(f"\n  {reason}" for reason in replayed.failed)
    return words


def _some(count: int, noun: str) -> str:
    plural = {"delivery": "deliveries", "batch": "batches"}.get(noun, f"{noun}s")
    return f"{count} {noun if count == 1 else plural}"
