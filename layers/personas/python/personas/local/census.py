"""Counts what a space holds, from the tables themselves: the independent check behind the summary of a run."""

from dataclasses import dataclass
from typing import Any

from personas.core.profile.profile import Profile
from personas.stores.profiles import of_image


@dataclass(frozen=True, slots=True)
class Census:
    users: int
    accounts: int
    merges: int
    """Profiles that became part of another."""
    events: int
    """Events folded into the profiles that live: each counted once, wherever it was folded first."""
    members: dict[str, int]
    """Audience key → members now, as stored."""


def take(dynamodb: Any, table: str, space: str) -> Census:
    profiles = list(_profiles(dynamodb, table, space))
    living = [profile for profile in profiles if not profile.merged_into]
    members: dict[str, int] = {}
    for profile in living:
        for key, computed in profile.computed.items():
            if computed.kind == "audience":
                members[key] = members.get(key, 0) + (computed.value is True)
    return Census(
        users=sum(profile.collection == "users" for profile in living),
        accounts=sum(profile.collection == "accounts" for profile in living),
        merges=len(profiles) - len(living),
        events=sum(profile.events for profile in living),
        members=members,
    )


def _profiles(dynamodb: Any, table: str, space: str) -> Any:
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table,
        ConsistentRead=True,
        FilterExpression="sk = :profile AND begins_with(pk, :space)",
        ExpressionAttributeValues={":profile": {"S": "profile"}, ":space": {"S": f"{space}#p#"}},
    )
    for page in pages:
        for item in page["Items"]:
            profile: Profile = of_image(item)
            yield profile
