"""Traits of a profile, computed ones as of now: `class`, `include`, `limit`, `verbose`."""

from typing import Any

from personas.core.moments import iso
from personas.core.profile.profile import Trait
from personas.http import Answer, Request
from reading import access

DEFAULT, MOST = 10, 200
CLASSES = ("audience", "computed_trait", "sql_trait", "custom")


def show(request: Request, space: str, collection: str, identifier: str) -> Answer:
    found = access.find(request, space, collection, identifier)
    limit = request.number("limit", DEFAULT, MOST)
    wanted = access.chosen(request, "include")
    kind = request.query.get("class")
    if kind is not None and kind not in CLASSES:
        raise access.ValidationFailed(f"The parameter `class` must be one of {', '.join(CLASSES)}")
    traits = {
        key: trait
        for key, trait in access.profile_of(found).traits().items()
        if (wanted is None or key in wanted) and kind in (None, trait.kind)
    }
    page, cursor = access.listed(request, list(traits), str, limit)
    shown = _verbose if request.flag("verbose") else _value
    return Answer({"traits": {key: shown(traits[key]) for key in page}, "cursor": cursor})


def _value(trait: Trait) -> Any:
    return trait.value


def _verbose(trait: Trait) -> dict[str, Any]:
    shown = {"value": trait.value, "source_id": trait.source, "updated_at": iso(trait.at)}
    return {**shown, "capped": True} if trait.capped else shown
