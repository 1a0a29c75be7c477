"""Takes profiles apart in the graph: reads what they are made of, divides it, and writes both in one transaction.

The transaction is seven items, however much leaves: facts and mappings stay where they are, and the root that is left
says who left and to whom (core/identity/walk.py). It checks both roots at the versions that the decision was made on.
What the actors of the two profiles have to do is announced from the table's change stream, as merges are.
"""

import random
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from personas.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from personas.core.event import fingerprint
from personas.core.identifier import Identifier
from personas.core.identity import cutting
from personas.core.identity.cutting import Cut
from personas.core.identity.fact import Fact
from personas.core.identity.merge import Merge
from personas.core.identity.root import Root
from personas.core.identity.unmerge import Divided, Unmerge, divide
from personas.stores import graph, graph_items, graph_reads, graph_writes, unmerges

TRIES = 8
PAUSE = 0.05
"""Seconds, for the first time; doubles from try to try."""


class NoSuchProfile(NotFound):
    """The space has no such profile."""


class NoSuchMerge(NotFound):
    """The merge is none that made the profile."""

    field = "mergeId"


class UndoneAlready(Conflict):
    """The merge was taken back before."""

    field = "mergeId"


class UnmergeUnderWay(Conflict):
    """The space has an unmerge that is not finished: the same may be asked again once it is."""


class OtherRequest(Conflict):
    """The key was used for a request that asked for something else."""

    field = "Idempotency-Key"


class GraphContended(Unavailable):
    """The profile changed on every try."""


@dataclass(frozen=True, slots=True)
class Family:
    """All that is recorded of a profile and of what merged into it."""

    root: Root
    roots: dict[str, Root]
    """Of the profiles that merged into it, and of those under which facts of it may lie."""
    held: list[Fact]
    drawn: list[Fact]
    merges: list[Merge]
    """Undone ones too."""
    last: str | None
    """The id of the unmerge that was the space's newest before all this was read."""

    @classmethod
    def of(cls, space: str, profile: str) -> "Family":
        """Raises NoSuchProfile."""
        last = unmerges.last(space)
        root = graph.root_of(space, profile)
        if root is None:
            raise NoSuchProfile(f"there is no profile {profile!r}")
        if not root.id.startswith("use_"):
            raise InvalidInput("only profiles of users can be taken apart", "profile")
        members = graph.members_of(root)
        roots = graph_reads.roots([(space, member) for member in members])
        drawn = [graph_items.fact_of(item) for item in _facts(space, members, graph_items.FACT_OF_IDENTIFIER)]
        merges = [graph_items.merge_of(item) for item in _facts(space, members, graph_items.FACT_OF_MERGE)]
        return cls(
            root=root,
            roots={one.id: one for one in roots.values()},
            held=graph.held(space, root, drawn),
            drawn=drawn,
            merges=merges,
            last=last,
        )

    @property
    def given(self) -> dict[Identifier, str]:
        """Identifiers that an unmerge once gave to a profile that is part of this one."""
        known = {fact.identifier.digest: fact.identifier for fact in self.drawn}
        family = {self.root.id, *self.root.merged}
        return {
            known[key]: receiver
            for root in self.roots.values()
            for key, receiver in root.left.items()
            if receiver in family and key in known
        }

    def without(self, merge: Merge) -> Cut:
        standing = [one for one in self.merges if one.undone is None]
        return cutting.along(merge, self.root, self.held, self.drawn, standing, self.given)

    def merge_of(self, merge_id: str) -> Merge:
        """Raises NoSuchMerge, UndoneAlready."""
        merge = next((one for one in self.merges if one.id == merge_id), None)
        held = {fact.identifier for fact in self.held}
        if merge is None or not (merge.undone or cutting.made_by(merge, self.root, held)):
            raise NoSuchMerge(f"profile {self.root.id} was not made by a merge {merge_id!r}")
        if merge.undone:
            raise UndoneAlready(f"merge {merge_id} was undone by {merge.undone}")
        return merge


Decided = tuple[Divided, Family, Merge | None]
"""What is to be written, what it rests on, and the merge that is taken back."""


def undo(space: str, profile: str, merge_id: str, key: str | None, now: int) -> Unmerge:
    """Take a merge back. Idempotent by the key; without one, a merge that was undone before raises UndoneAlready.

    Raises NoSuchProfile, NoSuchMerge, UndoneAlready, OtherRequest, GraphContended.
    """
    unmerge_id = _id(space, "merge", merge_id)
    request = _request(key, merge_id)

    def decide() -> Decided | Unmerge:
        done = unmerges.read(space, unmerge_id)
        if done and key is not None and done.request == request:
            return done
        family = Family.of(space, profile)
        merge = family.merge_of(merge_id)
        divided = _divided(space, unmerge_id, family, family.without(merge), now)
        record = replace(divided.unmerge, merge=merge.id, request=request)
        return replace(divided, unmerge=record), family, merge

    return _carry_out(space, decide)


def take_out(space: str, profile: str, identifiers: Sequence[Identifier], key: str | None, now: int) -> Unmerge:
    """Give identifiers of a profile a profile of their own. Idempotent by the key.

    Raises NoSuchProfile, InvalidInput (with the field), OtherRequest, GraphContended.
    """
    unmerge_id = _id(space, "identifiers", key if key is not None else secrets.token_urlsafe(16))
    wanted = tuple(dict.fromkeys(identifiers))
    request = _request(key, *(part for one in sorted(wanted) for part in one.to_data()))

    def decide() -> Decided | Unmerge:
        done = unmerges.read(space, unmerge_id)
        if done:
            if done.request != request:
                raise OtherRequest("the key was used for another request")
            return done
        family = Family.of(space, profile)
        held = {fact.identifier for fact in family.held}
        for place, one in enumerate(identifiers):
            if one not in held:
                raise InvalidInput(f"{one.type} is not on profile {family.root.id}", f"identifiers[{place}]")
        if held == set(wanted):
            raise InvalidInput("a profile keeps at least one identifier", "identifiers")
        divided = _divided(space, unmerge_id, family, cutting.out_of(family.held, set(wanted)), now)
        record = replace(divided.unmerge, identifiers=wanted, request=request)
        return replace(divided, unmerge=record), family, None

    return _carry_out(space, decide)


def _divided(space: str, unmerge_id: str, family: Family, cut: Cut, now: int) -> Divided:
    # One at a time, so that whoever counts again has one parting to think of, also where the two merge on meanwhile.
    under_way = unmerges.pending(space)
    if under_way:
        raise UnmergeUnderWay(f"unmerge {under_way[0].id} is not finished: ask again once it is")
    merged = {profile: family.roots[profile] for profile in family.root.merged}
    return divide(unmerge_id, space, family.root, merged, cut, "use_" + secrets.token_urlsafe(16), now)


def _carry_out(space: str, decide: Callable[[], Decided | Unmerge]) -> Unmerge:
    for attempt in range(TRIES):
        decided = decide()
        if isinstance(decided, Unmerge):
            return decided
        divided, family, merge = decided
        try:
            restored = family.roots.get(divided.other.id)
            graph_writes.take_apart(space, family.root, restored, divided, merge, family.last)
        except graph_writes.GraphMoved:
            contended = GraphContended(f"profile {family.root.id} changed {TRIES} times")
        else:
            return divided.unmerge
        time.sleep(random.uniform(0, PAUSE * 2**attempt))  # noqa: S311 - jitter, not a secret
    raise contended


def _facts(space: str, members: Sequence[str], prefix: str) -> list[graph_items.Item]:
    return list(graph.facts_under(space, members, prefix))


def _id(*parts: str) -> str:
    return "unm_" + fingerprint(*parts).hex()


def _request(key: str | None, *parts: str) -> str:
    return fingerprint("" if key is None else key, *parts).hex()
