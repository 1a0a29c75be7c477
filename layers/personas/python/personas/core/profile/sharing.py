"""What a user's actor tells the accounts that the user belongs to: one part for each account and record.

Only this actor has deduplicated the user's events and knows when the user joined. So it folds them for its accounts
too, and an account adds up what its members send. Invariant: an account is given every event of a member once, whether
before or after the member joined, and whichever profile of the same person folded it. A part is numbered
by the lane, the record and the last place in it that had a say: a record that is folded again makes the same parts.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.state import ComputeState
from personas.core.envelope import AbsorbEnvelope, EventEnvelope
from personas.core.event import Event
from personas.core.profile.combining import share_key
from personas.core.profile.custom import CustomTraits, unite
from personas.core.profile.delivery import Delivery, Emission, Number
from personas.core.profile.part import Part, TakenBack
from personas.core.profile.profile import Seen


@dataclass(slots=True)
class _Gathered:
    """For one account, of one record."""

    number: Number
    compute: ComputeState = field(default_factory=ComputeState)
    custom: CustomTraits = field(default_factory=dict)
    identifiers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    taken_back: list[TakenBack] = field(default_factory=list)

    def say(self, said: Part) -> None:
        unite(self.custom, said.custom)
        for kind, values in said.identifiers.items():
            self.identifiers[kind] = tuple(sorted({*self.identifiers.get(kind, ()), *values}))
        self.seen += [seen for seen in (said.first, said.last) if seen]

    def part(self) -> Part:
        return Part(
            custom=self.custom,
            identifiers=self.identifiers,
            first=min(self.seen, default=None),
            last=max(self.seen, default=None),
            compute=self.compute.to_data(),
            taken_back=tuple(self.taken_back),
        )


class Sharing:
    """Mutable: of one actor while it acts."""

    __slots__ = ("_gathered",)

    def __init__(self) -> None:
        self._gathered: dict[tuple[int, str], _Gathered] = {}

    def event(
        self, delivery: Delivery, accounts: set[str], definitions: DefinitionSet, event: Event, now_ms: int
    ) -> None:
        """The user did something, as a member of these accounts."""
        if accounts and definitions.told.listens(event.name):
            for account in accounts:
                self._for(delivery, account).compute.add(definitions.told, event, now_ms)

    def group_call(self, delivery: Delivery, envelope: EventEnvelope, account: str) -> None:
        self._for(delivery, account).say(Part.of_group_call(envelope))

    def join(self, delivery: Delivery, account: str, history: ComputeState) -> None:
        """The user is a member from now on, and brings all that was counted so far."""
        if history:
            self._for(delivery, account).compute.absorb(history.whole())

    def unite(
        self,
        delivery: Delivery,
        accounts: set[str],
        mine: ComputeState,
        other_accounts: Collection[str],
        theirs: ComputeState,
    ) -> None:
        """What a part holds is the user's too from now on. An account that knew one of the two learns of the other.

        `mine` is what the actor had counted before, `theirs` what the other one had.
        """
        for account in sorted(accounts.difference(other_accounts)):
            self.join(delivery, account, theirs)
        for account in sorted(set(other_accounts) - accounts):
            self.join(delivery, account, mine)

    def take_back(self, delivery: Delivery, accounts: set[str], version: int, event: Event) -> None:
        """All of these accounts have been given the event twice."""
        for account in accounts:
            self._for(delivery, account).taken_back.append(TakenBack(version, event))

    def emissions(self, space: str) -> list[Emission]:
        found = []
        for (_, account), gathered in self._gathered.items():
            part = gathered.part()
            if part:
                number = gathered.number
                key = share_key(account, number)
                found.append(Emission(number, AbsorbEnvelope(space, account, key, part.to_data(), number)))
        return found

    def _for(self, delivery: Delivery, account: str) -> _Gathered:
        found = self._gathered.setdefault((delivery.sequence, account), _Gathered(delivery.number))
        found.number = delivery.number
        return found
