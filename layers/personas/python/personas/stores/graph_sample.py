"""A look at some profiles of a space: as many as a bounded number of reads finds, for questions that can do with that.

The identity table has no list of profiles, because nothing on the way of an event needs one. A scan of its first pages
is therefore a sample of all spaces of the workspace; `complete` says whether it has seen the whole table.
"""

from dataclasses import dataclass

from personas.aws import client
from personas.core.identifier import Identifier
from personas.core.identity.root import Root
from personas.stores import graph_items as items

PAGES = 8
"""Of 1 MB each: some 130 read units a page."""


@dataclass(frozen=True, slots=True)
class Sample:
    roots: tuple[Root, ...]
    """Of profiles that did not merge into others."""
    held: tuple[tuple[str, Identifier], ...]
    """Identifiers, each with the profile that gained it."""
    complete: bool


def sample(space: str, pages: int = PAGES) -> Sample:
    of_the_space = "begins_with(pk, :prefix)"
    root_or_identifier = "(sk = :root OR begins_with(sk, :identifier))"
    request = {
        "TableName": items.table(),
        "FilterExpression": f"{of_the_space} AND {root_or_identifier}",
        "ExpressionAttributeValues": {
            ":prefix": {"S": items.profile_pk(space, "")},
            ":root": {"S": items.ROOT},
            ":identifier": {"S": items.FACT_OF_IDENTIFIER},
        },
    }
    found: list[items.Item] = []
    for _ in range(pages):
        answer = client("dynamodb").scan(**request)
        found += answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return _sample(found, complete=True)
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
    return _sample(found, complete=False)


def _sample(found: list[items.Item], *, complete: bool) -> Sample:
    roots = [items.root_of(item) for item in found if item["sk"]["S"] == items.ROOT]
    facts = [items.fact_of(item) for item in found if item["sk"]["S"] != items.ROOT]
    standing = tuple(root for root in roots if root.merged_into is None)
    return Sample(standing, tuple((fact.profile, fact.identifier) for fact in facts), complete)
