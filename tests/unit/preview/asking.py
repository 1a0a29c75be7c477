"""Asking for a preview in a world on the in-memory plane, as the Control API and Step Functions do it."""

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import orjson

from functions.preview import shard, step
from personas.core.compute.definition_set import DefinitionSet
from personas.core.preview import sampling
from personas.core.preview.preview import Overlap, Preview
from personas.core.query.definition import Definition
from personas.stores import archive_scan, compaction, definitions, previews, spaces
from personas.stores.archive_logs import EVENTS
from tests.unit.profile.plane import Died
from tests.unit.profile.world import World


def asked(world: World, definition: Definition, overlap: Overlap | None = None, exact: bool = False) -> Preview:
    preview_id = f"prv_{definition.key}"
    own = replace(definition, id=preview_id, key=preview_id, name="", version=0)
    compiled = DefinitionSet.of(0, [own]).to_data()
    preview = Preview(preview_id, world.space, own, compiled, world.clock.ms, overlap=overlap, exact=exact)
    previews.save(preview)
    return preview


class Run:
    """An execution of the preview workflow; with `dying`, each task dies once after that many writes."""

    def __init__(self, world: World, preview: Preview, dying: int | None = None) -> None:
        self.world, self.dying = world, dying
        self.state: dict[str, Any] = {"space": world.space, "preview": preview.id, "step": "plan", "next": "step"}

    def to_the_end(self) -> None:
        while self.state["next"] != "end":
            self.state = self._task(step, self.state)
            if self.state["next"] == "map":
                body = self.world.plane.get_object(Bucket=self.state["bucket"], Key=self.state["key"])["Body"]
                for entry in orjson.loads(body.read()):
                    self._task(shard, entry)

    def _task(self, function: Any, event: dict[str, Any]) -> Any:
        plane = self.world.plane
        plane.lives = self.dying
        try:
            return function.handle(event, None)
        except Died:
            plane.lives = None
            return function.handle(event, None)
        finally:
            plane.lives = None


def previewed(
    world: World,
    definition: Definition,
    *,
    overlap: Overlap | None = None,
    shards: int = 1,
    part: float = 1,
    dying: int | None = None,
) -> dict[str, Any]:
    """The result; worked out by so many shards, over that part of the profiles."""
    size = sum(one.size for one in archive_scan.manifest(world.space))
    preview = asked(world, definition, overlap)
    with (
        patch.object(sampling, "SHARD_BYTES", size // shards + 1),
        patch.object(sampling, "EXACT_BYTES", size if part == 1 else int(size * part)),
    ):
        Run(world, preview, dying).to_the_end()
    found = previews.get(world.space, preview.id)
    assert found is not None
    assert found.result is not None, found.failure
    return found.result


def compact(world: World) -> None:
    """What lies in the archive, as if all its days were over."""
    head = spaces.head(world.space)
    assert head is not None
    for job, objects in list(compaction.due(world.space, EVENTS, "9999-12-31")):
        for number in range(job.shards):
            compaction.compact(job, number, objects, definitions.load(world.space, head.definitions))


def members(result: dict[str, Any]) -> set[str]:
    """Where all of them are shown."""
    found = {shown["id"] for shown in result["results"]}
    assert len(found) == result["size"]["count"]
    return found
