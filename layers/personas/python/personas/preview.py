"""Between the Maps of a preview: the steps of its workflow, each of which says what is next.

    plan → (of accounts: gather, a Map over users) → fold, a Map over the profiles that are looked at → unite

Invariant: nothing but the preview's own item and files is written, and a step that died after any write, or runs twice,
may be run again.
"""

from collections.abc import Callable
from typing import Any

from personas.aws import setting
from personas.core.preview.preview import Preview
from personas.core.preview.result import result_of
from personas.core.preview.sampling import Sampling, planned
from personas.stores import archive_scan, preview_parts, previews, spaces

State = dict[str, Any]
"""What the workflow carries: {"space", "preview", "step", "next", …}. `next` is `map`, `step` or `end`."""


def take_step(state: State, now: int) -> State:
    """Do the step, and say what is next. Raises what a store raises."""
    preview = waited_for(state, now)
    return _STEPS[state["step"]](preview, state, now) if preview else {**state, "next": "end"}


def give_up(state: State, reason: str, now: int) -> State:
    """Idempotent."""
    preview = waited_for(state, now)
    if preview:
        previews.save(preview.failed(reason, now))
    return {**state, "next": "end"}


def waited_for(said: State, now: int) -> Preview | None:
    """The preview, if its space is still there and nobody has been told how it ended."""
    preview = previews.get(said["space"], said["preview"])
    running = preview is not None and preview.status(now) == "RUNNING" and spaces.head(preview.space) is not None
    return preview if running else None


def _plan(preview: Preview, state: State, _now: int) -> State:
    """Which objects are read, which profiles are looked at, and which version of the definitions others refer to."""
    objects = archive_scan.manifest(preview.space)
    head = spaces.head(preview.space)
    size = sum(one.size for one in objects)
    sampling, shards = planned(size, len(objects), preview.exact)
    state = {**state, "lanes": sampling.lanes, "shards": len(shards)}
    if not objects or head is None:
        return {**state, "next": "step", "step": "unite", "shards": 0}
    said = {
        "space": preview.space,
        "preview": preview.id,
        "objects": preview_parts.keep_objects(preview, objects),
        "version": head.definitions,
        "lanes": sampling.lanes,
    }
    _, everybody = planned(size, len(objects), exact=True)
    fold = preview_parts.keep_shards(preview, "fold", shards, {**said, "task": "fold", "gathered": len(everybody)})
    if preview.definition.collection == "users":
        return _map(state, fold, "unite")
    shared = {**said, "task": "gather", "width": len(everybody[0].lanes)}
    gather = preview_parts.keep_shards(preview, "gather", everybody, shared)
    return {**_map(state, gather, "fold"), "fold": fold}


def _fold(_preview: Preview, state: State, _now: int) -> State:
    return _map(state, state["fold"], "unite")


def _unite(preview: Preview, state: State, now: int) -> State:
    result = result_of(preview)
    for partial in preview_parts.partials(preview, range(state["shards"])):
        result.unite(partial)
    previews.save(preview.completed(result.shown(preview, Sampling(state["lanes"])), now))
    return {**state, "next": "end"}


_STEPS: dict[str, Callable[[Preview, State, int], State]] = {"plan": _plan, "fold": _fold, "unite": _unite}


def _map(state: State, key: str, after: str) -> State:
    return {**state, "next": "map", "step": after, "bucket": setting("WORK_BUCKET"), "key": key}
