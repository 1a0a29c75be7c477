"""What AWS does to people, done on purpose: set per function from outside, never from within a handler.

    {"identity": {"putRecords": {"share": 0.3} or {"entries": [0, 2], "times": 1},  refused by the shard
                  "transactions": {"times": 2},                                      TransactionConflict
                  "die": {"beforeWrite": 1} or {"afterWrite": 3, "times": 1},        at an invocation's n-th write
                  "redeliver": {"times": 1},                                         a batch that succeeded comes again
                  "fail": {"times": 1, "when": "after" or "before"},                 as a whole, so that it is bisected
                  "throttle": {},                                                    no invocation for a stream's batch
                  "poison": {"at": "module:function", "text": "message-id"}}}        raises when called with the text

A fault with `times` (1 unless said otherwise) rests after it has happened so often; `fired` tells how often it has.
A share, a throttle and a poison go on until they are cleared; a throttle begins once no `fail` is left. Faults that
happen inside a worker are for Python functions.
"""

import random
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from personas.core.errors import InvalidInput, NotFound
from personas.local.functions import Function

DEATH_STATUS = 97
"""The exit status of a worker that died of `die`, and of nothing else."""

_Count = Annotated[int, Field(ge=0)]
_Place = Annotated[int, Field(ge=1)]


class _Fault(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    fired: _Count = 0


class _Counted(_Fault):
    times: _Count = 1

    def fire(self) -> bool:
        """Whether it happens this time."""
        if self.times == 0:
            return False
        self.count()
        return True

    def count(self) -> None:
        self.times -= 1
        self.fired += 1


class PutRecordsFault(_Counted):
    share: Annotated[float, Field(ge=0, le=1)] | None = None
    entries: list[_Count] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.share is None) == (self.entries is None):
            raise ValueError("give either share or entries")
        return self

    def refused(self, count: int) -> set[int]:
        """Which of so many entries are refused."""
        if self.share is not None:
            places = {place for place in range(count) if random.random() < self.share}
            self.fired += len(places)
            return places
        return set(self.entries or ()) & set(range(count)) if self.fire() else set()


class TransactionsFault(_Counted):
    pass


class DieFault(_Counted):
    before_write: _Place | None = None
    after_write: _Place | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.before_write is None) == (self.after_write is None):
            raise ValueError("give either beforeWrite or afterWrite")
        return self


class RedeliverFault(_Counted):
    pass


class FailFault(_Counted):
    when: Literal["before", "after"] = "after"


class ThrottleFault(_Fault):
    pass


class PoisonFault(_Fault):
    at: Annotated[str, Field(pattern=r"^[\w.]+:[\w.]+$")]
    text: Annotated[str, Field(min_length=1)]


class FunctionFaults(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    put_records: PutRecordsFault | None = None
    transactions: TransactionsFault | None = None
    die: DieFault | None = None
    redeliver: RedeliverFault | None = None
    fail: FailFault | None = None
    throttle: ThrottleFault | None = None
    poison: PoisonFault | None = None

    @property
    def inside(self) -> bool:
        """Whether a worker has to be prepared for it."""
        return bool(self.transactions or self.die or self.poison)


class Faults:
    def __init__(self, functions: Mapping[str, Function]) -> None:
        self._functions = functions
        self._names = {function.label: name for name, function in functions.items()}
        self._set: dict[str, FunctionFaults] = {}
        self._generations: dict[str, int] = {}

    def update(self, data: Mapping[str, Any]) -> None:
        """Set a function's faults (instead of those that it had), by its name or label; None clears them.

        Nothing changes unless all can be set. Raises InvalidInput and NotFound.
        """
        wanted = {self._name(given): self._faults(given, faults) for given, faults in data.items()}
        for name, faults in wanted.items():
            before = self._set.get(name)
            if (before and before.inside) or faults.inside:
                self._generations[name] = self.generation(name) + 1
            self._set[name] = faults

    def clear(self) -> None:
        self.update(dict.fromkeys(self._set))

    def to_data(self) -> dict[str, Any]:
        """By function: what is left of each fault, and how often it has happened."""
        set_ = ((self._functions[name].label, faults) for name, faults in self._set.items())
        found = {label: faults.model_dump(by_alias=True, exclude_none=True) for label, faults in set_}
        return {label: faults for label, faults in found.items() if faults}

    def generation(self, function: str) -> int:
        """A worker of an earlier generation is not prepared for the faults of now."""
        return self._generations.get(function, 0)

    def for_worker(self, function: str) -> dict[str, Any]:
        """What a new worker prepares for."""
        faults = self._set.get(function)
        if faults is None or not faults.inside:
            return {}
        prepared: dict[str, Any] = {"watch": bool(faults.transactions or faults.die)}
        if faults.poison:
            prepared["poison"] = {"at": faults.poison.at, "text": faults.poison.text}
        return prepared

    def for_invocation(self, function: str) -> dict[str, Any]:
        """What one invocation is told. What then happens is told back with `happened`."""
        faults = self._set.get(function)
        told: dict[str, Any] = {}
        if faults is None:
            return told
        if faults.transactions and faults.transactions.times:
            told["transactions"] = faults.transactions.times
        if faults.die and faults.die.times:
            told["die"] = faults.die.model_dump(include={"before_write", "after_write"}, exclude_none=True)
        return told

    def happened(self, function: str, *, transactions: int = 0, poison: int = 0, died: bool = False) -> None:
        faults = self._set.get(function)
        if faults is None:
            return
        if faults.transactions:
            for _ in range(min(transactions, faults.transactions.times)):
                faults.transactions.count()
        if faults.poison:
            faults.poison.fired += poison
        if faults.die and faults.die.times and died:
            faults.die.count()

    def refused(self, function: str | None, count: int) -> set[int]:
        """Which of a PutRecords call's entries its shards are to refuse."""
        faults = self._set.get(function or "")
        return faults.put_records.refused(count) if faults and faults.put_records else set()

    def redelivers(self, function: str) -> bool:
        faults = self._set.get(function)
        return bool(faults and faults.redeliver and faults.redeliver.fire())

    def failing(self, function: str) -> Literal["before", "after"] | None:
        """Whether this delivery of a batch is to fail as a whole, and whether the handler runs all the same."""
        faults = self._set.get(function)
        return faults.fail.when if faults and faults.fail and faults.fail.fire() else None

    def throttles(self, function: str) -> bool:
        """Whether a stream's batch has to wait, as where a function's concurrency is used up: that uses up no retry."""
        faults = self._set.get(function)
        if faults is None or faults.throttle is None or (faults.fail and faults.fail.times):
            return False
        faults.throttle.fired += 1
        return True

    def _name(self, given: str) -> str:
        name = self._names.get(given, given)
        if name not in self._functions:
            raise NotFound(f"there is no function {given}; there are: {', '.join(sorted(self._names))}")
        return name

    def _faults(self, given: str, data: Any) -> FunctionFaults:
        try:
            faults = FunctionFaults.model_validate({} if data is None else data)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(step) for step in (given, *first["loc"]))
            raise InvalidInput(f"{where}: {first['msg']}", where) from None
        if faults.inside and not self._functions[self._name(given)].runtime.startswith("python"):
            raise InvalidInput(f"{given}: die, transactions and poison are for Python functions", given)
        return faults
