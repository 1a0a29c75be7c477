"""Previews: `{space}#preview` / id, one item each, which expires by itself."""

from dataclasses import replace
from typing import Any

from personas import documents, wire
from personas.core.moments import SECOND
from personas.core.preview.preview import Preview


def partition(space: str) -> str:
    return f"{space}#preview"


def get(space: str, preview_id: str) -> Preview | None:
    """Read consistently."""
    data = documents.get(partition(space), preview_id)
    return Preview.of_data(data) if data else None


def save(preview: Preview) -> None:
    """Idempotent: the last one stands. Of profiles with very many identifiers fewer are kept than were drawn."""
    data = _fitting(preview).to_data()
    documents.put(partition(preview.space), preview.id, data, ttl=preview.expires // SECOND)


def remove(preview: Preview) -> None:
    """Idempotent."""
    documents.delete(partition(preview.space), preview.id)


def _fitting(preview: Preview) -> Preview:
    """Halves the drawn profiles until all fits into an item."""
    result: dict[str, Any] | None = preview.result
    while result and result["results"] and len(wire.deflate(preview.to_data())) > documents.MAX_DATA:
        result = {**result, "results": result["results"][: len(result["results"]) // 2]}
        preview = replace(preview, result=result)
    return preview
