"""The items of the identity graph: their keys, and how they turn into what `core` knows.

A **mapping** leads from an identifier to the profile that claimed it, and never changes. A **root** stands for a
profile, and points to its survivor once merged. **Facts** lie under the root of the profile that they happened to:
identifiers gained (`id#`), merges survived (`merge#`), identifiers set aside (`aside#`). Every partition key starts
with the space.
"""

from hashlib import blake2b
from typing import Any

import orjson

from personas.aws import setting
from personas.core.identifier import Identifier
from personas.core.identity.external_id import ExternalId
from personas.core.identity.fact import Fact
from personas.core.identity.merge import Merge
from personas.core.identity.root import Root

Item = dict[str, Any]

MAX_PART = 400
"""Bytes of a type or a value within a key: a sort key is at most 1,024 bytes."""

ROOT = "root"
MAPPING = "mapping"
FACT_OF_IDENTIFIER = "id#"
FACT_OF_MERGE = "merge#"
FACT_OF_ASIDE = "aside#"


def table() -> str:
    return setting("IDENTITY_TABLE")


def mapping_key(space: str, identifier: Identifier) -> Item:
    return _key(f"{space}#id#{identifier_text(identifier)}", MAPPING)


def root_key(space: str, profile: str) -> Item:
    return _key(profile_pk(space, profile), ROOT)


def profile_pk(space: str, profile: str) -> str:
    return f"{space}#profile#{profile}"


def identifier_text(identifier: Identifier) -> str:
    """Different for different identifiers, and short enough for a key.

    >>> identifier_text(Identifier("a#b", "c")), identifier_text(Identifier("a", "b#c"))
    ('users#a%23b#c', 'users#a#b#c')
    """
    kind = identifier.type.replace("%", "%25").replace("#", "%23")
    return f"{identifier.collection}#{_short(kind)}#{_short(identifier.value)}"


def mapping_item(space: str, identifier: Identifier, profile: str) -> Item:
    return {**mapping_key(space, identifier), "profile": {"S": profile}}


def root_item(space: str, root: Root) -> Item:
    item = {
        **root_key(space, root.id),
        "version": {"N": str(root.version)},
        "created": {"N": str(root.created)},
        "data": {"B": orjson.dumps(root.to_data())},
    }
    if root.merged_into:
        item["merged_into"] = {"S": root.merged_into}
    return item


def root_of(item: Item) -> Root:
    return Root.of_data(
        id=item["pk"]["S"].rpartition("#")[2],
        created=int(item["created"]["N"]),
        version=int(item["version"]["N"]),
        merged_into=item.get("merged_into", {}).get("S"),
        data=orjson.loads(bytes(item["data"]["B"])),
    )


def fact_key(space: str, profile: str, kind: str, identifier: Identifier) -> Item:
    """`kind`: FACT_OF_IDENTIFIER or FACT_OF_ASIDE."""
    return _key(profile_pk(space, profile), kind + identifier_text(identifier))


def fact_item(space: str, kind: str, fact: Fact) -> Item:
    seen = fact.seen
    held = {"holder": {"S": fact.holder}, "holder_version": {"N": str(fact.holder_version)}}
    return {
        **fact_key(space, fact.profile, kind, fact.identifier),
        **_texts(
            kind="identifier" if kind == FACT_OF_IDENTIFIER else "aside",
            type=seen.type,
            value=seen.id,
            collection=seen.collection,
            encoding=seen.encoding,
            source=seen.source_id,
            message=seen.first_message_id,
            event=fact.event,
            rule=fact.rule,
        ),
        **_beside("via", fact.via),
        **_beside("breaker", fact.breaker),
        **(held if fact.holder is not None else {}),
        **_event(fact.event_at, fact.event_name),
        "at": {"N": str(seen.created_at)},
        "version": {"N": str(fact.version)},
    }


def fact_of(item: Item) -> Fact:
    return Fact(
        profile=item["pk"]["S"].rpartition("#")[2],
        seen=external_id_of(item),
        event=item["event"]["S"],
        rule=item["rule"]["S"],
        via=_beside_of(item, "via"),
        version=int(item["version"]["N"]),
        breaker=_beside_of(item, "breaker"),
        holder=item.get("holder", {}).get("S"),
        holder_version=int(item.get("holder_version", {}).get("N", 0)),
        event_at=int(item.get("event_at", {}).get("N", 0)),
        event_name=item.get("event_name", {}).get("S"),
    )


def external_id_of(item: Item) -> ExternalId:
    return ExternalId(
        type=item["type"]["S"],
        id=item["value"]["S"],
        collection=item["collection"]["S"],
        source_id=item["source"]["S"],
        created_at=int(item["at"]["N"]),
        first_message_id=item["message"]["S"],
        encoding=item["encoding"]["S"],
    )


def merge_item(space: str, merge: Merge) -> Item:
    """Under the survivor. A merge of the same two that comes after they were taken apart is another item."""
    return {
        **_key(profile_pk(space, merge.survivor), f"{FACT_OF_MERGE}{merge.id}"),
        **_texts(
            kind="merge",
            space=space,
            id=merge.id,
            survivor=merge.survivor,
            loser=merge.loser,
            message=merge.message_id,
            source=merge.source_id,
            type=merge.identifier.type,
            value=merge.identifier.value,
            collection=merge.identifier.collection,
            rule=merge.rule,
            event=merge.event,
        ),
        **_beside("via", merge.via),
        **_event(merge.event_at, merge.event_name),
        **({"absorbed": {"L": [{"S": profile} for profile in merge.absorbed]}} if merge.absorbed else {}),
        "at": {"N": str(merge.at)},
        "version": {"N": str(merge.version)},
        "epoch": {"N": str(merge.epoch)},
        "into_epoch": {"N": str(merge.into_epoch)},
    }


def merge_of(item: Item) -> Merge:
    return Merge(
        id=item["id"]["S"],
        survivor=item["survivor"]["S"],
        loser=item["loser"]["S"],
        at=int(item["at"]["N"]),
        message_id=item["message"]["S"],
        source_id=item["source"]["S"],
        identifier=Identifier(item["type"]["S"], item["value"]["S"], item["collection"]["S"]),
        rule=item["rule"]["S"],
        event=item["event"]["S"],
        via=_beside_of(item, "via"),
        version=int(item["version"]["N"]),
        epoch=int(item["epoch"]["N"]),
        into_epoch=int(item["into_epoch"]["N"]),
        event_at=int(item.get("event_at", {}).get("N", 0)),
        event_name=item.get("event_name", {}).get("S"),
        absorbed=tuple(entry["S"] for entry in item.get("absorbed", {}).get("L", ())),
        undone=item.get("undone", {}).get("S"),
    )


def _event(at: int, name: str | None) -> Item:
    """Of the event that changed something, what the tables of docs/tables.md tell, so that they need no join."""
    return {"event_at": {"N": str(at)}, **(_texts(event_name=name) if name else {})}


def _beside(name: str, identifier: Identifier | None) -> Item:
    """Another identifier of the event. The collection is that of the one that the fact is about: an event's chain stays
    within one."""
    return _texts(**{f"{name}_type": identifier.type, f"{name}_value": identifier.value}) if identifier else {}


def _beside_of(item: Item, name: str) -> Identifier | None:
    if f"{name}_type" not in item:
        return None
    return Identifier(item[f"{name}_type"]["S"], item[f"{name}_value"]["S"], item["collection"]["S"])


def _key(pk: str, sk: str) -> Item:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _texts(**texts: str) -> Item:
    return {name: {"S": text} for name, text in texts.items()}


def _short(text: str) -> str:
    """The text, or `~` and its hash where it is long, so that nothing that somebody sends is too long for a key."""
    if len(text) <= MAX_PART and len(text.encode()) <= MAX_PART and not text.startswith("~"):
        return text
    return "~" + blake2b(text.encode(), digest_size=32).hexdigest()
