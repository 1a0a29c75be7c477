"""How a formula reads an aggregate: straight from the state's data, where nothing but a total or the tiles of a window
lies there, as with nearly all. Whatever is not as simple as that, the frame looks up.

Invariant: it makes no difference which way is taken; what else there is to know is noted in the frame either way.
"""

from collections.abc import Callable
from typing import Any

from personas.core.compute.aggregate import Aggregate
from personas.core.compute.frame import Frame
from personas.core.compute.monoids import CUT, SIGNS

Value = Callable[[Frame], Any]
Read = Callable[[Any], Any]
"""From a partial (None: nothing) to a value (None: no value)."""

_MANY = (SIGNS["values"], SIGNS["events"])
"""Partials that hold many entries: some may have been cut, and merging them costs."""


def value_of(aggregate: Aggregate, read: Read) -> Value:
    """What is read of the aggregate; None where it has never seen an event."""

    def elsewhere(frame: Frame) -> Any:
        partial, seen = frame.look(aggregate)
        return read(partial) if seen else None

    return _reading(aggregate, read, None, elsewhere)


def operand_of(aggregate: Aggregate, read: Read) -> Value:
    """What is read of the aggregate: of one that has never seen an event, the same as of nothing."""
    return _reading(aggregate, read, read(None), lambda frame: read(frame.look(aggregate)[0]))


def _reading(aggregate: Aggregate, read: Read, never: Any, elsewhere: Value) -> Value:
    many = aggregate.id[0] in _MANY
    if aggregate.window is None:
        return _of_total(aggregate.id, many, read, never, elsewhere)
    if aggregate.window.start is None:
        return _of_tiles(aggregate, many, read, never, elsewhere)
    return elsewhere


def _of_total(name: str, many: bool, read: Read, never: Any, elsewhere: Value) -> Value:
    def value(frame: Frame) -> Any:
        data = frame.packed.get(name)
        if data is None:
            return elsewhere(frame) if frame.unpacked else never
        if len(data) != 1 or (partial := data.get("t")) is None:
            return elsewhere(frame)
        if many and CUT in partial:
            frame.capped = True
        return read(partial)

    return value


def _of_tiles(aggregate: Aggregate, many: bool, read: Read, never: Any, elsewhere: Value) -> Value:
    name, merge_all, nothing = aggregate.id, aggregate.monoid.merge_all, read(None)

    def value(frame: Frame) -> Any:
        data = frame.packed.get(name)
        if data is None:
            return elsewhere(frame) if frame.unpacked else never
        if not data:
            return nothing
        if len(data) != 1 or (flat := data.get("w")) is None or (leaves := flat[0]) < frame.hour:
            return elsewhere(frame)
        if leaves < frame.due:
            frame.due = leaves + 1
        if len(flat) == 2:
            partial = flat[1]
        elif many and name in frame.merged:
            partial = frame.merged[name]
        else:
            partial = merge_all(flat[1::2])
            if many:
                frame.merged[name] = partial
        if many and CUT in partial:
            frame.capped = True
        return read(partial)

    return value
