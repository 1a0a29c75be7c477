"""Bring a space's pending definitions into force: the steps of the backfill workflow, each of which says what is next.

    begin → lanes pass the barrier → the archive is folded, shard by shard → close → lanes pass the closing barrier
    → every profile that it concerns is ticked → finish, and begin again where more is pending

Profiles that were made two are given their shares before anything else (personas/rebuilding.py).

Invariant: a step that died after any write, or runs twice, may be run again. A run that was lost as a whole leaves what
it was about pending; the next one begins it afresh, under a version of its own.
"""

from collections.abc import Callable
from typing import Any

from personas import barriers, rebuilding
from personas.aws import setting
from personas.backfill_due import is_about, is_behind, is_due
from personas.core.backfill.concerned import events_concerned
from personas.core.backfill.shards import shards_of
from personas.core.errors import PersonasError
from personas.core.lanes import LANES
from personas.core.moments import HOUR
from personas.core.saved_definition import SavedDefinition
from personas.stores import archive_scan, backfill_lists, backfills, definitions, lanes, spaces, unmerges
from personas.stores.definitions import Change

PATIENCE = 6 * HOUR
"""For lanes that do not pass a barrier: longer than any alarm about them takes to be heard."""

MOST_VERSIONS = 12
"""That are compared to find out whom they concern: two for each run, and one for each time that somebody saved."""

State = dict[str, Any]
"""What the workflow carries: {"space", "run", "step", "next", …}. `next` is `wait`, `map`, `step` or `end`."""


class LanesBehind(PersonasError):
    """The profiles stream is not read: a lane has not passed a barrier for hours."""


class LeaseLost(PersonasError):
    """Another run has taken this one over."""


def take_step(state: State, now: int) -> State:
    """Do the step, and say what is next. Raises what a store raises, LanesBehind and LeaseLost."""
    space, run, step = state["space"], state["run"], state["step"]
    if spaces.head(space) is None:
        return _next("end", space, run, "begin")
    return _STEPS[step](space, run, state, now)


def give_up(state: State, reason: str) -> State:
    """What the run was about is not brought into force; what was in force before stays so. Idempotent."""
    space, run = state["space"], state["run"]
    begun = backfills.get(space)
    if begun.id == run and spaces.head(space):
        _change(space, lambda saved, _: saved.failed(reason) if is_about(saved, begun.version) else None)
        backfills.release(space, run)
    return _next("end", space, run, "begin")


def _begin(space: str, run: str, state: State, now: int) -> State:
    if not backfills.claim(space, run, now):
        return _next("end", space, run, "begin")  # the run that is under way finds what is pending
    late = state.get("late", False)
    if unmerges.pending(space) and not late:
        return rebuilding.begin(space, run, now)
    if not is_behind(space):
        return _release(space, run, late)
    # A version of its own, also where another run got lost on the way: what that one has added counts no more.
    version = _change(space, lambda saved, version: saved.begun(version) if saved.pending else None)
    _held(backfills.begin(space, run, version, now))
    _announce(space, version)
    return _next("step", space, run, "pass", version=version, since=now)


def _pass(space: str, run: str, state: State, now: int) -> State:
    """Rows of before the barrier are all in the archive once every lane has passed it."""
    if not _lanes_passed(state, now):
        return {**state, "next": "wait"}
    lacking = definitions.load(space, state["version"]).lacking
    # A definition of traits alone lacks nothing: that it holds is found by the ticks.
    planned = _planned(space, run, "fold", state["version"], now) if lacking else None
    return planned or _next("step", space, run, "close", version=state["version"])


def _close(space: str, run: str, state: State, now: int) -> State:
    _held(backfills.renew(space, run, now))
    version = _change(space, lambda saved, _: saved.in_force() if is_about(saved, state["version"]) else None)
    _announce(space, version)
    return _next("step", space, run, "settle", version=version, since=now)


def _settle(space: str, run: str, state: State, now: int) -> State:
    """Profiles that are new since the fold are in the archive once every lane has passed the closing barrier."""
    if not _lanes_passed(state, now):
        return {**state, "next": "wait"}
    concerned = _concerned(space, state["version"])
    if concerned is not None and not concerned:
        return _next("step", space, run, "finish", version=state["version"])
    names = None if concerned is None else sorted(concerned)
    planned = _planned(space, run, "tick", state["version"], now, names=names)
    return planned or _next("step", space, run, "finish", version=state["version"])


def _finish(space: str, run: str, state: State, now: int) -> State:
    _held(backfills.spread(space, run, state["version"], now))
    return _next("step", space, run, "begin") if is_due(space) else _release(space, run)


def _release(space: str, run: str, late: bool = False) -> State:
    """Whoever saved something before the lease was given back was told that this run would see to it. `late`: what is
    to be rebuilt has to wait for the next run."""
    backfills.release(space, run)
    goes_on = is_behind(space) if late else is_due(space)
    return _next("step" if goes_on else "end", space, run, "begin")


def _parted(space: str, run: str, state: State, now: int) -> State:
    _held(backfills.renew(space, run, now))
    return rebuilding.parted(space, run, state, now)


_STEPS: dict[str, Callable[[str, str, State, int], State]] = {
    "begin": _begin,
    "parted": _parted,
    "share": rebuilding.share,
    "pass": _pass,
    "close": _close,
    "settle": _settle,
    "finish": _finish,
}
_AFTER = {"fold": "close", "tick": "finish"}


def _concerned(space: str, version: int) -> frozenset[str] | None:
    """Of which events one a profile must have to be ticked; None: every profile is."""
    spread = backfills.get(space).spread
    if version - spread > MOST_VERSIONS:
        return None
    return events_concerned([definitions.load(space, each) for each in range(spread, version + 1)])


def _planned(space: str, run: str, task: str, version: int, now: int, **more: Any) -> State | None:
    """The list of shards for the Map; None where the archive holds nothing of the space."""
    objects = archive_scan.manifest(space)
    if not objects:
        return None
    shards = shards_of(sum(one.size for one in objects), len(objects))
    name = f"{task}-{version}"
    listed = backfill_lists.keep_objects(space, run, name, objects)
    said = {"space": space, "run": run, "task": task, "version": version, "objects": listed, **more}
    key = backfill_lists.keep_shards(space, run, name, shards, said)
    if task == "fold":
        _held(backfills.planned(space, run, len(shards), now))
    return _next("map", space, run, _AFTER[task], version=version, bucket=setting("WORK_BUCKET"), key=key)


def _next(what: str, space: str, run: str, step: str, **more: Any) -> State:
    return {"next": what, "space": space, "run": run, "step": step, **more}


def _change(space: str, decide: Callable[[SavedDefinition, int], SavedDefinition | None]) -> int:
    """Save what `decide` makes of each definition; the version that is current then. Nothing to save, no change."""
    if not any(decide(saved, 0) for saved in definitions.of_space(space)):
        head = spaces.head(space)
        return head.definitions if head else 0
    return definitions.change(
        space, lambda before, version: Change(tuple(new for saved in before if (new := decide(saved, version))))
    )


def _announce(space: str, version: int) -> None:
    head = spaces.head(space)
    if head and head.barrier < version:
        barriers.send(space, version)


def _lanes_passed(state: State, now: int) -> bool:
    space, version = state["space"], state["version"]
    _held(backfills.renew(space, state["run"], now))
    noted = lanes.read((space, lane) for lane in range(LANES))
    if len(noted) == LANES and all(note.version >= version for note in noted.values()):
        return True
    if now > state["since"] + PATIENCE:
        raise LanesBehind(f"after {PATIENCE // HOUR} hours not every lane has passed the barrier of version {version}")
    return False


def _held(lease: bool) -> None:
    if not lease:
        raise LeaseLost("another run has taken this one over")
