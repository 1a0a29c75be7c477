"""Destinations of a space, under the space, by id."""

from personas import documents
from personas.core.destination import Destination


def partition(space: str) -> str:
    return f"{space}#destinations"


def save(destination: Destination) -> None:
    """Idempotent: the last one stands."""
    documents.put(partition(destination.space), destination.id, destination.to_data())


def remove(space: str, destination_id: str) -> None:
    """Idempotent."""
    documents.delete(partition(space), destination_id)


def get(space: str, destination_id: str) -> Destination | None:
    data = documents.get(partition(space), destination_id)
    return Destination.of_data(data) if data else None


def of_space(space: str) -> tuple[Destination, ...]:
    """Read consistently, by id."""
    return tuple(Destination.of_data(data) for data in documents.all_of(partition(space)))
