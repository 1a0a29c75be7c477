"""Previews of audiences and computed traits: asked for, worked out by a workflow, and kept for a week.

What is wrong with a definition is said as when it is saved, before anything is stored.
"""

import secrets
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass as pydantic_dataclass

from control import edge
from control.definition_bodies import OptionsBody, QueryBody, collection_of, options_shown
from personas import preview_start
from personas.clock import now_ms
from personas.core.compute.definition_set import DefinitionSet
from personas.core.errors import InvalidInput, NotFound, Unavailable
from personas.core.moments import iso
from personas.core.preview.preview import Overlap, Preview
from personas.core.query.definition import Definition
from personas.core.workspace import new_id
from personas.http import Answer, Request
from personas.stores import definitions, previews

log = Logger(service="control")


@pydantic_dataclass(config=edge.BODY)
class NewPreview:
    definition: QueryBody
    audience_type: str | None = None
    options: OptionsBody = Field(default_factory=OptionsBody)
    overlap_with: str | None = None
    """The id of an audience."""
    exact: bool = False


NEW = TypeAdapter(NewPreview)


@dataclass(frozen=True, slots=True)
class Resource:
    """Previews of computed traits, or of audiences."""

    kind: str
    single: str

    def create(self, request: Request, space: str) -> Answer:
        owner = edge.space_of(space)
        body = edge.body_of(request, NEW)
        now = now_ms()
        preview_id = new_id("prv", secrets.token_urlsafe)
        definition = Definition(
            id=preview_id,
            key=preview_id,
            name="",
            kind=self.kind,
            collection=collection_of(body.audience_type, body.definition),
            query=body.definition.query,
            version=0,
            options=body.options.applied(now),
        )
        compiled = DefinitionSet.of(0, [definition])
        preview = Preview(
            id=preview_id,
            space=owner.id,
            definition=definition,
            compiled=compiled.to_data(),
            created=now,
            look_back_days=body.options.look_back_days(None),
            overlap=self._overlap(owner.id, body.overlap_with, definition.collection),
            exact=body.exact,
        )
        previews.save(preview)
        self._start(preview)
        return edge.data(**{self.single: self.shown(preview)})

    def show(self, request: Request, space: str, preview: str) -> Answer:  # noqa: ARG002 - all take the request
        found = previews.get(edge.space_of(space).id, preview)
        if found is None or found.definition.kind != self.kind:
            raise NotFound(f"the space has no preview {preview!r} (any more): previews are kept for a week")
        return edge.data(**{self.single: self.shown(found)})

    def shown(self, preview: Preview) -> dict[str, Any]:
        known, now = preview.definition, now_ms()
        collection = known.collection.upper()
        query = {"query": known.query}
        about = {"audienceType": collection, "definition": query}
        if self.kind == "computed_trait":
            about = {"definition": {**query, "type": collection}}
        body = {
            "id": preview.id,
            "spaceId": preview.space,
            **about,
            "options": options_shown(known.options, preview.look_back_days),
            "status": preview.status(now),
            "createdAt": iso(preview.created),
            "finishedAt": None if preview.finished is None else iso(preview.finished),
            "expiresAt": iso(preview.expires),
            **(preview.result or {}),
        }
        reason = preview.reason(now)
        return {**body, "failureReason": reason} if reason else body

    def _overlap(self, space: str, audience: str | None, collection: str) -> Overlap | None:
        """Raises InvalidInput."""
        if audience is None or self.kind != "audience":
            return None
        saved = definitions.get(space, audience)
        if saved is None or saved.definition.kind != "audience" or saved.definition.collection != collection:
            raise InvalidInput(
                f"overlapWith must be the id of an audience of {collection} of this space", "overlapWith"
            )
        if saved.live is None or not saved.enabled:
            raise InvalidInput(
                f"overlapWith names an audience that is {saved.status}: its members are known once it is Live",
                "overlapWith",
            )
        return Overlap(saved.id, saved.definition.key)

    def _start(self, preview: Preview) -> None:
        """Raises Unavailable: nothing is left then of what was asked."""
        try:
            preview_start.start(preview)
        except (ClientError, BotoCoreError):
            log.exception("the workflow of a preview did not start", space=preview.space)
            previews.remove(preview)
            raise Unavailable("the preview could not be started: ask again") from None


AUDIENCES = Resource("audience", "audiencePreview")
COMPUTED_TRAITS = Resource("computed_trait", "computedTraitPreview")
