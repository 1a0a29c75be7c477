"""Records of unmerges, in the identity table: pk `{space}#unmerge#{id}`, sk `unmerge`, kind `unmerge`; and the fact
that two profiles are apart, under the root of each: sk `apart#{the other}`.

They are written with what they did to the graph (stores/graph_writes.py), and never changed.
"""

from base64 import b64decode

from personas import wire
from personas.aws import client
from personas.core.identity.unmerge import Unmerge
from personas.stores.graph_items import Item, profile_pk, table

KIND = "unmerge"
FACT_OF_PARTING = "apart#"


def key(space: str, unmerge: str) -> Item:
    return {"pk": {"S": f"{space}#unmerge#{unmerge}"}, "sk": {"S": KIND}}


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
    return Unmerge.of_data(id, space, profile, other, int(item["at"]["N"]), wire.unpack(packed))


def read(space: str, unmerge: str) -> Unmerge | None:
    """Read consistently."""
    found = client("dynamodb").get_item(TableName=table(), Key=key(space, unmerge), ConsistentRead=True).get("Item")
    return of_item(found) if found else None
