"""The views over the identity log: how the identity graph became what it is, and who is who now."""

from collections.abc import Mapping

from personas.core.identity.log import BEGAN, GAINED, MERGED, MOVED, PARTED
from personas.core.warehouse.columns import BIGINT, TIMESTAMP, VARCHAR
from personas.core.warehouse.dialect import Dialect, literal, quoted
from personas.core.warehouse.view import Expressions, Logs, View, first_of
from personas.core.workspace import slug_of

SAME = ("profile", "kind", "canonical", "digest", "message_id", "version")
"""Entries that have these alike repeat each other."""


def graph_views(sources: Mapping[str, str], dialect: Dialect, logs: Logs) -> list[View]:
    kinds = ", ".join(map(literal, (BEGAN, MERGED, PARTED)))
    of_links = first_of(logs.identity, SAME, "seq", f"kind IN ({kinds}) AND collection = 'users'")
    of_ids = first_of(logs.identity, SAME, "seq", f"kind = {literal(GAINED)} AND collection = 'users'")
    trigger = _trigger(sources)
    graph = View.of(
        "id_graph_updates",
        {
            "id": (VARCHAR, _id(dialect)),
            "segment_id": (VARCHAR, quoted("profile")),
            "canonical_segment_id": (VARCHAR, quoted("canonical")),
            **trigger,
        },
        of_links,
    )
    ids = View.of(
        "external_id_mapping_updates",
        {
            "id": (VARCHAR, _id(dialect)),
            "segment_id": (VARCHAR, quoted("profile")),
            "external_id_type": (VARCHAR, quoted("type")),
            "external_id_value": (VARCHAR, quoted("value")),
            "external_id_hash": (VARCHAR, quoted("digest")),
            **trigger,
        },
        of_ids,
    )
    return [graph, ids, _merges(), _id_graph(), *_identifiers(logs)]


def _merges() -> View:
    names = ("canonical_segment_id", "segment_id", *_MOMENTS)
    return View.of(
        "profile_merges",
        _copied(names),
        "(\n  SELECT *, row_number() OVER (PARTITION BY segment_id ORDER BY seq DESC) AS copy\n"
        "  FROM id_graph_updates\n) AS kept WHERE copy = 1",
    )


def _id_graph() -> View:
    return View.of("id_graph", _copied(("segment_id", "canonical_segment_id", "timestamp")), "profile_merges")


def _identifiers(logs: Logs) -> list[View]:
    """Each identifier belongs to whom its profile has become, unless an unmerge moved it since."""
    kinds = ", ".join(map(literal, (GAINED, MOVED)))
    last = (
        "(\n  SELECT digest, profile, row_number() OVER (PARTITION BY digest ORDER BY seq DESC) AS copy\n"
        f"  FROM {logs.identity}\n  WHERE kind IN ({kinds})\n) AS holders"
    )
    source = (
        "external_id_mapping_updates AS ids\n"
        f"JOIN {last} ON holders.digest = ids.external_id_hash AND holders.copy = 1\n"
        "JOIN profile_merges AS links ON links.segment_id = holders.profile"
    )
    moments: Expressions = {name: (BIGINT if name == "seq" else TIMESTAMP, f"ids.{quoted(name)}") for name in _MOMENTS}
    owner = {"canonical_segment_id": (VARCHAR, "links.canonical_segment_id")}
    kind, value = (VARCHAR, "ids.external_id_type"), (VARCHAR, "ids.external_id_value")
    mapping: Expressions = {
        **owner,
        "external_id_type": kind,
        "external_id_value": value,
        "timestamp": moments["timestamp"],
    }
    of_accounts: Expressions = {
        "segment_id": (VARCHAR, quoted("profile")),
        "type": (VARCHAR, quoted("type")),
        "value": (VARCHAR, quoted("value")),
        "seq": (BIGINT, quoted("seq")),
        "received_at": (TIMESTAMP, quoted("received")),
        "uuid_ts": (TIMESTAMP, quoted("committed")),
        "timestamp": (TIMESTAMP, quoted("event_at")),
    }
    accounts = first_of(logs.identity, SAME, "seq", f"kind = {literal(GAINED)} AND collection = 'accounts'")
    return [
        View.of("user_identifiers", {**owner, "type": kind, "value": value, **moments}, source),
        View.of("external_id_mapping", mapping, source),
        View.of("account_identifiers", of_accounts, accounts),
    ]


_MOMENTS = ("seq", "received_at", "uuid_ts", "timestamp")


def _copied(names: tuple[str, ...]) -> Expressions:
    types = {"seq": BIGINT, "received_at": TIMESTAMP, "uuid_ts": TIMESTAMP, "timestamp": TIMESTAMP}
    return {name: (types.get(name, VARCHAR), quoted(name)) for name in names}


def _id(dialect: Dialect) -> str:
    parts = ["profile", "kind", "canonical", "digest", "message_id", "CAST(version AS varchar)"]
    return dialect.hash(" || '#' || ".join(parts))


def _trigger(sources: Mapping[str, str]) -> Expressions:
    """What an unmerge did has its id and no source."""
    return {
        "triggering_event_id": (VARCHAR, quoted("message_id")),
        "triggering_event_type": (VARCHAR, quoted("event")),
        "triggering_event_name": (VARCHAR, quoted("event_name")),
        "triggering_event_source_id": (VARCHAR, "nullif(source, '')"),
        "triggering_event_source_name": (VARCHAR, _by_source(sources)),
        "triggering_event_source_slug": (VARCHAR, _by_source({id: slug_of(name) for id, name in sources.items()})),
        "seq": (BIGINT, quoted("seq")),
        "received_at": (TIMESTAMP, quoted("received")),
        "uuid_ts": (TIMESTAMP, quoted("committed")),
        "timestamp": (TIMESTAMP, quoted("event_at")),
    }


def _by_source(texts: Mapping[str, str]) -> str:
    if not texts:
        return "NULL"
    cases = " ".join(f"WHEN {literal(id)} THEN {literal(text)}" for id, text in sorted(texts.items()))
    return f"CASE source {cases} END"
