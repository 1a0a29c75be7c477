"""What a profile falls into when one of its bridges is taken away, or some of its identifiers are taken out.

Every fact ties what it brought to what led its event to the profile: an identifier to the identifier by which it came,
a merged profile's bridge to the survivor's. Each tie joined what had not been joined before, so that without one of
them a profile falls into exactly two: what would never have met without that event, and the rest. Identifiers that came
later, and profiles that merged later, go with what they came by.

>>> def gained(profile, value, via=None):
...     seen = ExternalId("id", value, "users", "src1", 0, "m")
...     return Fact(profile, seen, "track", "", Identifier("id", via) if via else None)
>>> bridge = Merge("m1", "use_a", "use_b", 0, "m", "s", Identifier("id", "b"), "", via=Identifier("id", "a"))
>>> facts = [gained("use_a", "a"), gained("use_b", "b"), gained("use_a", "c", via="b"), gained("use_a", "d", via="a")]
>>> cut = along(bridge, Root("use_a", 1, merged=("use_b",)), facts, facts, [bridge], {})
>>> [fact.seen.id for fact in cut.leaving], cut.profiles
(['b', 'c'], ('use_b',))
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass

from personas.core.errors import Conflict
from personas.core.identifier import Identifier
from personas.core.identity.external_id import ExternalId  # noqa: F401 - the doctest's
from personas.core.identity.fact import Fact
from personas.core.identity.islands import islands
from personas.core.identity.merge import Merge
from personas.core.identity.root import Root


class StillOne(Conflict):
    """Without the bridge the two are tied by something else."""


@dataclass(frozen=True, slots=True)
class Cut:
    staying: tuple[Fact, ...]
    """With the profile, whose id is that of its oldest part."""
    leaving: tuple[Fact, ...]
    profiles: tuple[str, ...]
    """Of those merged into it, the ones that leave."""


def along(
    merge: Merge,
    root: Root,
    held: Sequence[Fact],
    drawn: Sequence[Fact],
    merges: Sequence[Merge],
    given: Mapping[Identifier, str],
) -> Cut:
    """Without the merge. `held`: the facts of what the profile has now; `drawn`: those, and what may have tied them.

    `merges`: all that stand; `given`: identifiers that were once taken out and made a profile, which has no facts of
    its own. Raises StillOne.
    """
    ties: list[tuple[Hashable, Hashable]] = [(profile, profile) for profile in (root.id, *root.merged)]
    ties += [(fact.via or fact.profile, fact.identifier) for fact in drawn]
    founded = {fact.profile for fact in drawn if fact.via is None}
    ties += [(profile, identifier) for identifier, profile in given.items() if profile not in founded]
    ties += [_ends(one) for one in merges if one.id != merge.id]
    island_of = {
        node: place for place, island in enumerate(islands(ties, marks=list)) for tie in island for node in tie
    }
    far, near = (island_of.get(end) for end in _ends(merge))
    if near != island_of[root.id]:
        far, near = near, far
    if near != island_of[root.id] or far is None or far == near:
        raise StillOne(f"what merge {merge.id} brought together is tied by other events too")
    return Cut(
        staying=tuple(fact for fact in held if island_of[fact.identifier] != far),
        leaving=tuple(fact for fact in held if island_of[fact.identifier] == far),
        profiles=tuple(profile for profile in root.merged if island_of[profile] == far),
    )


def made_by(merge: Merge, root: Root, held: Collection[Identifier]) -> bool:
    """Whether the merge, if it stands, is one of those that made the profile, which has these identifiers: what it
    brought together is part of it. Either of the two profiles may have left since, as part of what an unmerge took out.
    """
    return merge.loser in root.merged or (merge.via in held and merge.identifier in held)


def out_of(held: Sequence[Fact], identifiers: Collection[Identifier]) -> Cut:
    """Just these leave, and no profile: what came by them stays, as nobody said that it is wrong."""
    return Cut(
        staying=tuple(fact for fact in held if fact.identifier not in identifiers),
        leaving=tuple(fact for fact in held if fact.identifier in identifiers),
        profiles=(),
    )


def _ends(merge: Merge) -> tuple[Hashable, Hashable]:
    """The loser's end and the survivor's."""
    if merge.via is None:
        return merge.loser, merge.survivor
    return merge.identifier, merge.via
