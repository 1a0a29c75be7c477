"""How a profile takes in what those that it is linked with say, and what it says to them once it is written.

Invariant: what is said is said of committed versions of an item, so that one version never says two things.
"""

from collections.abc import Container, Iterator, Mapping

from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.questions import Answers
from personas.core.envelope import LinkEnvelope
from personas.core.profile.links import UNKNOWN, Link, Said
from personas.core.profile.profile import Profile
from personas.core.profile.state import State

_LIFE = 1 << 40
"""More than any item has versions."""


def version_of(profile: Profile) -> int:
    """What orders all that a profile ever says, also where it begins anew after it had become part of another."""
    return profile.epoch * _LIFE + profile.v


def end_of(epoch: int) -> int:
    """Above every version of that life: that it has become part of another is the last that is said of it."""
    return (epoch + 1) * _LIFE - 1


def level_of(profile: Profile) -> str:
    """As definitions know it: a user who has an account also evaluates what accounts ask."""
    return "members" if profile.collection == "users" and profile.accounts else profile.collection


def heard(state: State, profile: Profile, definitions: DefinitionSet) -> Answers:
    """How the profiles that this one is linked with have answered."""
    if profile.collection == "accounts":
        return state.users.answers()
    counts = {}
    for question in definitions.asked_of_accounts.values():
        of = [(state.heard.get(account, UNKNOWN).answers or {}).get(question) for account in profile.accounts]
        given = [yes for yes in of if yes is not None]
        counts[question] = (len(given), sum(given))
    return Answers(len(profile.accounts), counts)


def told(old: Profile | None, new: Profile | None) -> Iterator[LinkEnvelope]:
    """What a user's accounts are to be told after a write. Nothing of one that has become part of another: its survivor
    says that, with what they are now together, so that the account never sees neither or both."""
    before = old or _NOBODY
    if new is None:
        for account in before.accounts:
            yield LinkEnvelope(before.space, account, before.id, end_of(before.epoch), None)
        return
    if new.merged_into:
        return
    v, changed = version_of(new), new.answers != before.answers
    for account in new.accounts:
        if changed or account not in before.accounts:
            yield LinkEnvelope(new.space, account, new.id, v, dict(new.answers))
    for account in before.accounts:
        if account not in new.accounts:
            yield LinkEnvelope(new.space, account, new.id, v, None)
    for user in new.merged.keys() - before.merged.keys():
        epoch, accounts = new.merged[user]
        for account in accounts:
            yield LinkEnvelope(new.space, account, user, end_of(epoch), None)


def is_to_be_told(old: Profile | None, new: Profile | None) -> bool:
    """Whether all users of the account are to be told what it answers now."""
    return new is not None and new.collection == "accounts" and new.answers != (old or _NOBODY).answers


_NOBODY = Profile("", "")


class Linking:
    """Mutable: of one actor while it acts."""

    __slots__ = ("_counted", "_recalled", "_said", "_state", "lacks")

    def __init__(self, state: State, recalled: Mapping[str, Link]) -> None:
        self._state, self._recalled = state, recalled
        self._counted = state.sequence
        self._said: dict[str, Said] = {}
        self.lacks: set[str] = set()
        """Users whose links are to be read."""

    def take(self, envelope: LinkEnvelope, of_account: bool) -> bool:
        """Returns whether it was news. An account has to know what the user had said before: see `lacks`."""
        said = Said(envelope.v, envelope.answers)
        other = envelope.other
        if not of_account:
            news = said.v > self._state.heard.get(other, UNKNOWN).v
            if news:
                self._state.heard[other] = said
            return news
        if other not in self._recalled:
            self.lacks.add(other)
            return False
        before = self._said.get(other) or self._recalled[other].counted_at(self._counted)
        if said.v <= before.v:
            return False
        self._state.users.count(before, -1)
        self._state.users.count(said, 1)
        self._said[other] = said
        return True

    def links(self, sequence: int) -> dict[str, Link]:
        """To be written before the state that has reached the sequence number."""
        return {
            user: self._recalled[user].followed_by(sequence, said, self._counted) for user, said in self._said.items()
        }

    def tidy(self, definitions: DefinitionSet, accounts: Container[str]) -> None:
        self._state.users.prune(definitions)
        self._state.heard = {account: said for account, said in self._state.heard.items() if account in accounts}
