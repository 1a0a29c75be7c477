"""Records of unmerges, in the identity table: pk `{space}#unmerges`, sk the id, kind `unmerge`; and the fact that two
profiles are apart, under the root of each: sk `apart#{the other}`.

They are written with what they did to the graph (stores/graph_writes.py). All that is added later is when both profiles
had been given their share (`rebuilt`, ms). The newest of a space is named by pk `{space}#unmerge`, sk `last`; each
takes that over from the one before, so that no two are decided on at once.
"""

from base64 import b64decode
from dataclasses import replace

from personas import dynamo, wire
from personas.aws import client
from personas.core.identity.unmerge import Unmerge
from personas.stores.graph_items import Item, profile_pk, table

KIND = "unmerge"
FACT_OF_PARTING = "apart#"


def partition(space: str) -> str:
    return f"{space}#unmerges"


def key(space: str, unmerge: str) -> Item:
    return {"pk": {"S": partition(space)}, "sk": {"S": unmerge}}


def item_of(unmerge: Unmerge) -> Item:
    return {
        **key(unmerge.space, unmerge.id),
        "kind": {"S": KIND},
        "space": {"S": unmerge.space},
        "id": {"S": unmerge.id},
        "profile": {"S": unmerge.profile},
        "other": {"S": unmerge.other},
        "at": {"N": str(unmerge.at)},
        "data": {"B": wire.pack(unmerge.to_data(), 6)},
    }


def parting_item(space: str, profile: str, other: str, unmerge: Unmerge) -> Item:
    """From whom the profile is kept apart, since when, and why."""
    item: Item = {
        "pk": {"S": profile_pk(space, profile)},
        "sk": {"S": f"{FACT_OF_PARTING}{other}"},
        "kind": {"S": "apart"},
        "other": {"S": other},
        "unmerge": {"S": unmerge.id},
        "at": {"N": str(unmerge.at)},
    }
    return item | ({"merge": {"S": unmerge.merge}} if unmerge.merge else {})


def of_item(item: Item) -> Unmerge:
    """Of an item, or of an image of the table's change stream (binary as base64 text)."""
    data = item["data"]["B"]
    packed = b64decode(data) if isinstance(data, str) else bytes(data)
    id, space, profile, other = (item[name]["S"] for name in ("id", "space", "profile", "other"))
    found = Unmerge.of_data(id, space, profile, other, int(item["at"]["N"]), wire.unpack(packed))
    return replace(found, rebuilt=int(item["rebuilt"]["N"])) if "rebuilt" in item else found


def read(space: str, unmerge: str) -> Unmerge | None:
    """Read consistently."""
    found = client("dynamodb").get_item(TableName=table(), Key=key(space, unmerge), ConsistentRead=True).get("Item")
    return of_item(found) if found else None


def last_key(space: str) -> Item:
    return {"pk": {"S": f"{space}#unmerge"}, "sk": {"S": "last"}}


def last(space: str) -> str | None:
    """The id of the newest one. Read consistently."""
    found = client("dynamodb").get_item(TableName=table(), Key=last_key(space), ConsistentRead=True).get("Item")
    return found["id"]["S"] if found else None


def of_space(space: str) -> list[Unmerge]:
    """All that there ever were, oldest first. Read consistently."""
    items = dynamo.query(
        table(),
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": partition(space)}},
        ConsistentRead=True,
    )
    return sorted(map(of_item, items), key=lambda unmerge: (unmerge.at, unmerge.id))


def pending(space: str) -> list[Unmerge]:
    """Those of which the profiles have not been given their share yet, oldest first."""
    return [unmerge for unmerge in of_space(space) if unmerge.rebuilt is None]


def note_rebuilt(space: str, unmerge: str, now: int) -> None:
    """Both profiles have been sent their share. Idempotent: the last time stands."""
    client("dynamodb").update_item(
        TableName=table(),
        Key=key(space, unmerge),
        UpdateExpression="SET #rebuilt = :now",
        ConditionExpression="attribute_exists(pk)",
        ExpressionAttributeNames={"#rebuilt": "rebuilt"},
        ExpressionAttributeValues={":now": {"N": str(now)}},
    )
