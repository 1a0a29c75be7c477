"""The aggregates that look at the events of one name, found by what their conditions ask for.

Where a condition must find one of some values at a path (`where(property('kind') = 'shoes')`), an event with another
value there is no business of the aggregate, and costs it nothing. What is found is a selection: the aggregate's own
condition still decides.

>>> from personas.core.compute.aggregate import Aggregate
>>> from personas.core.query.parser import parse
>>> of = lambda where: Aggregate.of(parse(f"event('Seen').where({where}).count()"))
>>> shoes, hats, dear = of("property('kind') = 'shoes'"), of("property('kind') = 'hats'"), of("property('price') > 9")
>>> listeners = Listeners([shoes, hats, dear])
>>> listeners.of(({"kind": "hats"}, {}, "src", 0)) == [dear, hats]
True
"""

from collections.abc import Callable, Iterable
from typing import Any

from personas.core.compute.aggregate import Aggregate, Scene
from personas.core.values import text_of


class Listeners:
    __slots__ = ("_always", "_by_field", "all")

    def __init__(self, aggregates: Iterable[Aggregate]) -> None:
        self.all = list(aggregates)
        self._always: list[Aggregate] = []
        by_field: dict[str, tuple[Callable[[Scene], Any], dict[str, list[Aggregate]]]] = {}
        for aggregate in self.all:
            asked = aggregate.asks
            if asked is None:
                self._always.append(aggregate)
                continue
            _, by_text = by_field.setdefault(asked.name, (asked.read, {}))
            for text in asked.texts:
                by_text.setdefault(text, []).append(aggregate)
        self._by_field = list(by_field.values())

    def of(self, scene: Scene) -> list[Aggregate]:
        """Those that may take the event."""
        found = self._always
        for read, by_text in self._by_field:
            value = read(scene)
            if value is not None and (asking := by_text.get(text_of(value))):
                found = found + asking
        return found
