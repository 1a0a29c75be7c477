"""A trait mapping promotes a value of an event to a custom trait of the person whose event it is.

Invariant: what it promotes is stamped like the trait of an identify call, so the newest by event time wins, whichever
way a trait came. Absent and null promote nothing: a mapping never removes a trait.

>>> from personas.core.event import Event
>>> path = "properties.to.city"
>>> mapping = TraitMapping.of("map_1", event="Order Completed", call=None, path=path, trait="city", created=0)
>>> body = {"type": "track", "event": "Order Completed", "messageId": "m", "properties": {"to": {"city": "Ulm"}}}
>>> Promotions([mapping]).of(Event("sp", "src", at=0, received=0, body=body))
{'city': 'Ulm'}
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from personas.core.compute.fields import Reader, reader
from personas.core.errors import InvalidInput
from personas.core.event import Event
from personas.core.query.path import Path

CALLS = ("track", "page", "screen", "identify", "group", "alias")
ROOTS = ("properties", "context", "traits")
MAX_TEXT = 500

Promotion = tuple[str, Callable[[Event], Any], Reader]
"""The trait, the part of the event, and the way to the value in it."""


@dataclass(frozen=True, slots=True)
class TraitMapping:
    id: str
    event: str | None
    """The name by which definitions know the event; None: events of a kind of call."""
    call: str | None
    path: str
    """Begins with one of ROOTS."""
    trait: str
    created: int

    @classmethod
    def of(
        cls, mapping_id: str, *, event: str | None, call: str | None, path: str, trait: str, created: int
    ) -> "TraitMapping":
        """Raises InvalidInput, naming the field."""
        if (event is None) == (call is None):
            raise InvalidInput("give either event (a name) or type (a kind of call)", "event")
        if event is not None:
            _checked(event, "event")
        if call is not None and call not in CALLS:
            raise InvalidInput(f"type must be one of {', '.join(CALLS)}", "type")
        _checked(path, "path")
        _checked(trait, "trait")
        try:
            steps = Path.of(path)
        except (ValueError, StopIteration) as error:
            raise InvalidInput(f"path cannot be read: {error}", "path") from None
        if steps.many:
            raise InvalidInput("path must lead to one value: it cannot have $", "path")
        if steps.steps[0] not in ROOTS or len(steps.steps) < 2:
            raise InvalidInput(f"path must begin with {', '.join(f'{root}.' for root in ROOTS)}", "path")
        return cls(mapping_id, event, call, path, trait, created)

    @property
    def target(self) -> tuple[str | None, str | None, str]:
        """What only one mapping of a space may have."""
        return self.event, self.call, self.trait

    def to_data(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "event": self.event,
            "call": self.call,
            "path": self.path,
            "trait": self.trait,
            "created": self.created,
        }

    @classmethod
    def of_data(cls, data: dict[str, Any]) -> "TraitMapping":
        return cls(**data)


class Promotions:
    """The mappings of a space, found by what an event is. Immutable."""

    __slots__ = ("_by_call", "_by_event", "mappings")

    def __init__(self, mappings: Iterable[TraitMapping]) -> None:
        self.mappings = tuple(sorted(mappings, key=lambda mapping: (mapping.created, mapping.id)))
        self._by_event: dict[str, list[Promotion]] = {}
        self._by_call: dict[str, list[Promotion]] = {}
        for mapping in self.mappings:
            root, *steps = Path.of(mapping.path).steps
            promotion = (mapping.trait, attrgetter(str(root)), reader(Path(tuple(steps))))
            if mapping.event is not None:
                self._by_event.setdefault(mapping.event, []).append(promotion)
            elif mapping.call is not None:
                self._by_call.setdefault(mapping.call, []).append(promotion)

    def of(self, event: Event) -> dict[str, Any]:
        """The traits that the event sets. Of mappings to one trait, one by name wins, then the oldest."""
        found: dict[str, Any] = {}
        named = self._by_event.get(event.name, ()) if event.name is not None else ()
        for trait, part, read in (*named, *self._by_call.get(event.type, ())):
            if trait not in found and (value := read(part(event))) is not None:
                found[trait] = value
        return found

    def __bool__(self) -> bool:
        return bool(self.mappings)


def _checked(text: str, field: str) -> None:
    if not text.strip() or len(text) > MAX_TEXT:
        raise InvalidInput(f"{field} must have 1 to {MAX_TEXT} characters", field)
