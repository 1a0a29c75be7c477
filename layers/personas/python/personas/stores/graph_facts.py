"""Reading what the identity graph has recorded: the story of a profile, and who has which identifiers.

For people who ask why, not for the way of an event: a profile of a hundred merges takes some three hundred queries.
"""

from collections.abc import Collection

from personas import dynamo
from personas.core.identifier import Identifier
from personas.core.identity.fact import Fact
from personas.core.identity.root import Root
from personas.core.identity.story import Story
from personas.stores import graph, graph_items, graph_reads

MOST_ASIDES = 500
"""Of one profile: a crawler that is signed in brings new identifiers with every visit."""


def story(space: str, profile: str, beside: Collection[Identifier] = ()) -> Story | None:
    """Of the profile that this one has become; None where there is no such profile.

    `beside`: identifiers of which it must be known whether they were set aside, also where very many were.
    """
    root = graph.root_of(space, profile)
    if root is None:
        return None
    gained = graph.claims(space, root)
    mine = {fact.identifier for fact in gained}
    noted = _asides(space, root, beside)
    # Where an unmerge was at work, some facts under these profiles are about what left.
    asides = [fact for fact in noted if fact.via is None or fact.via in mine] if root.origins else noted
    return Story(
        root=root,
        gained=tuple(sorted(gained, key=lambda fact: (fact.seen.created_at, fact.identifier))),
        merges=graph.merges(space, root.id),
        asides=tuple(sorted(asides, key=lambda fact: (fact.seen.created_at, fact.identifier))),
        complete=len(noted) < MOST_ASIDES,
    )


def owners(space: str, identifiers: Collection[Identifier]) -> dict[Identifier, str]:
    """The profile of each identifier that some profile has."""
    claimed = graph_reads.mappings((space, one) for one in set(identifiers))
    ways = [(space, profile, one) for (_, one), profile in claimed.items()]
    return {one: root.id for (_, _, one), root in graph_reads.current_roots(ways).items() if one}


def _asides(space: str, root: Root, beside: Collection[Identifier]) -> list[Fact]:
    """Up to MOST_ASIDES, and those of the identifiers asked about."""
    members = graph.members_of(root)
    kind = graph_items.FACT_OF_ASIDE
    keys = [graph_items.fact_key(space, member, kind, one) for member in members for one in set(beside)]
    found = {(item["pk"]["S"], item["sk"]["S"]): item for item in dynamo.batch_get(graph_items.table(), keys)}
    for item in graph.facts_under(space, members, kind):
        if len(found) >= MOST_ASIDES:
            break
        found[item["pk"]["S"], item["sk"]["S"]] = item
    return [graph_items.fact_of(item) for item in found.values()]
