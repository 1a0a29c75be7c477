"""A profile's compute state: what it keeps for each aggregate, and from it the values of all definitions at a moment.

Order does not matter: any order of `add` and `absorb` leads to the same values.

>>> from personas.core.compute.definition_set import DefinitionSet
>>> from personas.core.event import Event
>>> from personas.core.query.definition import Definition
>>> query = "event('Signed Up').within(7 days).count()"
>>> definitions = DefinitionSet.of(1, [Definition("ct_1", "signups", "Signups", "computed_trait", "users", query, 1)])
>>> event = Event("sp", "src", at=0, received=0, body={"type": "track", "event": "Signed Up", "messageId": "m"})
>>> state = ComputeState()
>>> len(state.add(definitions, event, now_ms=0))
1
>>> state.evaluate(definitions, traits={}, held={"user_id"}, at_ms=0)
Evaluation(values={'signups': 1}, due=169, capped=frozenset(), evaluated=None, open=frozenset())
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from personas.core.compute.aggregate import scene_of
from personas.core.compute.cold import Cold, ColdPart, Ref
from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.frame import Frame
from personas.core.compute.questions import NOBODY, Answers
from personas.core.compute.splitting import Limits, Shedding
from personas.core.compute.tallies import Tallies
from personas.core.compute.touched import Touched
from personas.core.event import Event
from personas.core.moments import hour_of
from personas.core.values import same


@dataclass(frozen=True, slots=True)
class Evaluation:
    values: dict[str, Any]
    """By key. Audiences always have one; a computed trait without a value is absent."""
    due: int | None
    """The hour (since 1970) at whose beginning a value may change without input, by its definition's own schedule;
    None: never."""
    capped: frozenset[str]
    """Keys of the definitions that read something with more distinct values than are kept."""
    evaluated: frozenset[str] | None = None
    """Keys of the definitions that it is about; None: all."""
    open: frozenset[str] = frozenset()
    """Keys of the definitions that wait for what others have not answered yet: the values that they have stand."""


_NOTHING: Mapping[str, Any] = {}


class ComputeState:
    __slots__ = ("_tallies", "_version", "cold")

    def __init__(self, tallies: Tallies | None = None, cold: Cold | None = None) -> None:
        self._tallies = Tallies() if tallies is None else tallies
        self._version = 0
        self.cold = Cold() if cold is None else cold
        """What was moved out of the state, to be loaded before anything is evaluated."""

    def add(self, definitions: DefinitionSet, event: Event, now_ms: int) -> list[str]:
        """Count the event once more; returns the ids of the aggregates that took it. Not idempotent."""
        self._version = max(self._version, definitions.version)
        listening = definitions.listening(event.name)
        if not listening:
            return []
        scene, at, tallies = scene_of(event), event.at, self._tallies
        taken = []
        for aggregate in listening.of(scene):
            values = aggregate.take(scene)
            if values is not None:
                taken.append(aggregate.id)
                tallies.add(aggregate, values, at, now_ms)
        return taken

    def retract(self, definitions: DefinitionSet, event: Event, now_ms: int) -> None:
        """Take back one of two countings of the same event, though they be still to come: it stays counted once.
        Not idempotent."""
        self._version = max(self._version, definitions.version)
        listening = definitions.listening(event.name)
        if not listening:
            return
        scene = scene_of(event)
        for aggregate in listening.of(scene):
            values = aggregate.take(scene)
            if values is not None:
                self._tallies.of(aggregate.id).take(aggregate, values, event.at, now_ms)

    def copy(self) -> "ComputeState":
        found = ComputeState.of_data(orjson.loads(orjson.dumps(self.to_data())))
        found.cold.load(self.cold.by_ref)
        return found

    def whole(self) -> "ComputeState":
        """A copy that needs no cold parts, because it holds itself what is in them."""
        found = self.copy()
        found.cold = Cold()
        for part in self.cold.loaded():
            found._tallies.absorb(part.tallies())
        return found

    def absorb(self, other: "ComputeState") -> None:
        """Count all that the other has counted; the other must not be used any more. Not idempotent."""
        self._version = max(self._version, other._version)
        self._tallies.absorb(other._tallies)
        self.cold.unite(other.cold)

    def evaluate(
        self,
        definitions: DefinitionSet,
        traits: Mapping[str, Any],
        held: Collection[str],
        at_ms: int,
        collection: str = "users",
        answers: Answers = NOBODY,
        stand: Mapping[str, Any] = _NOTHING,
    ) -> Evaluation:
        """The values at a moment, not before the last `add` or `prune`. Changes nothing.

        `traits` are the profile's own (custom and SQL), `held` the types of its identifiers, `answers` those of the
        profiles that it is linked with; `stand` are the values that it has.
        """
        named, asked = definitions.named(collection), definitions.asked_by(collection)
        frame = Frame(self._tallies, traits, named, at_ms, asked, answers, self.cold.parts(), frozenset(held))
        capped: set[str] = set()
        values = frame.values
        for formula in definitions.formulas[collection]:
            key, value = formula.key, formula.look(frame)
            if frame.unanswered:
                frame.unanswered = False
                frame.open.add(key)
                value = stand.get(key)
            if value is not None:
                values[key] = value
            if frame.capped:
                frame.capped = False
                capped.add(key)
        if not frame.open:
            return Evaluation(values, frame.turns, frozenset(capped))
        found = {key: value for key, value in values.items() if key not in frame.open}
        return Evaluation(found, frame.turns, frozenset(capped), open=frozenset(frame.open))

    def evaluate_touched(
        self,
        definitions: DefinitionSet,
        traits: Mapping[str, Any],
        held: Collection[str],
        at_ms: int,
        collection: str,
        touched: Touched,
        answers: Answers = NOBODY,
    ) -> Evaluation:
        """As `evaluate`, but only what can have changed. Right only while nothing has become due, `held` and the
        answers are as they were, none is missing, and nothing but `touched` has happened since the values that stand
        were evaluated. Changes nothing.

        Its `due` is about what it evaluated; for the others what was due before still is.
        """
        formulas, readers = definitions.formulas[collection], definitions.readers(collection)
        named, asked = definitions.named(collection), definitions.asked_by(collection)
        frame = Frame(self._tallies, traits, named, at_ms, asked, answers, self.cold.parts(), frozenset(held))
        values, known, never = frame.values, touched.values, readers.never_members
        frame.stood = readers.standing(touched)
        capped: set[str] = set()
        agenda = readers.agenda(touched)
        for place in agenda:
            formula = formulas[place]
            key, after = formula.key, formula.look(frame)
            before = known[key] if key in known else never.get(key)
            if after is not before and (type(before) is not type(after) or not same(before, after)):
                agenda.changed(key)
            values[key] = after
            if frame.capped:
                frame.capped = False
                capped.add(key)
        found = {key: value for key, value in values.items() if value is not None}
        return Evaluation(found, frame.turns, frozenset(capped), frozenset(values))

    def prune(self, definitions: DefinitionSet, now_ms: int) -> None:
        """Drop what no definition can see any more, now or later. Idempotent.

        Aggregates that these definitions do not know are kept if a later version has been at work here already; what
        nobody has looked at is left as it is, until something becomes due and all is looked at.
        """
        if definitions.version >= self._version:
            self._tallies.drop_unknown(definitions.aggregates)
            self.cold.drop_unknown(definitions.aggregates)
        self._tallies.settle(definitions.aggregates, now_ms)
        if self.cold.refs:
            self._tallies.see(self.cold.expire(hour_of(now_ms)))

    def shed(
        self, definitions: DefinitionSet, now_ms: int, owner: str, nonce: str, limits: Limits
    ) -> dict[Ref, ColdPart]:
        """Move the most of what is kept into cold parts, which are to be written under these names before the state.

        `definitions` are those that it was last pruned by. Not idempotent: `nonce` and what is moved make the names.
        """
        knows_all = definitions.version >= self._version
        return Shedding(self._tallies, self.cold, definitions, knows_all, hour_of(now_ms), owner, nonce, limits).parts()

    def to_data(self) -> dict[str, Any]:
        cold = self.cold.to_data()
        if not self._tallies and not cold:
            return {}
        return {"v": self._version, "a": self._tallies.to_data(), **cold}

    @classmethod
    def of_data(cls, data: dict[str, Any]) -> "ComputeState":
        state = cls(Tallies(data.get("a")), Cold.of_data(data))
        state._version = data.get("v", 0)
        return state

    def __bool__(self) -> bool:
        return bool(self._tallies or self.cold.refs)
