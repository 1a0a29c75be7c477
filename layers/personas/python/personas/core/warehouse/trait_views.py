"""The views over the trait log: the traits of users and accounts after each change, and as they are now."""

from personas.core.warehouse.columns import BIGINT, TIMESTAMP, VARCHAR, Columns
from personas.core.warehouse.dialect import Dialect, quoted
from personas.core.warehouse.schema import TRAITS
from personas.core.warehouse.view import Expressions, Logs, View, first_of, learnt

_MOMENTS: Expressions = {
    "seq": (BIGINT, "seq"),
    "received_at": (TIMESTAMP, quoted("committed")),
    "uuid_ts": (TIMESTAMP, quoted("committed")),
    "timestamp": (TIMESTAMP, quoted("at")),
}
_LAST = "row_number() OVER (PARTITION BY profile ORDER BY version DESC) AS copy"


def trait_views(columns: Columns, dialect: Dialect, logs: Logs) -> list[View]:
    """`columns`: a trait each; audiences are true or false."""
    ours: Expressions = {
        "id": (VARCHAR, dialect.hash("profile || '#' || CAST(version AS varchar)")),
        "segment_id": (VARCHAR, quoted("profile")),
        "collection": (VARCHAR, quoted("collection")),
        **_MOMENTS,
    }
    traits = learnt(columns, "traits", dialect, ours)
    updates = View.of(TRAITS, {**ours, **traits}, first_of(logs.traits, ("profile", "version"), "seq", "TRUE"))
    return [
        updates,
        _profile_traits(columns, dialect, logs),
        _named("user_traits", "canonical_segment_id", "users", dialect, logs),
        _named("account_traits", "segment_id", "accounts", dialect, logs),
    ]


def _profile_traits(columns: Columns, dialect: Dialect, logs: Logs) -> View:
    """One row for each user, and for who became one of them, as Segment's models have it."""
    ours: Expressions = {
        "canonical_segment_id": (VARCHAR, "links.segment_id"),
        "merged_to": (VARCHAR, "nullif(links.canonical_segment_id, links.segment_id)"),
    }
    last = f"(\n  SELECT *, {_LAST}\n  FROM {logs.traits}\n) AS held"
    alive = "links.canonical_segment_id = links.segment_id"
    source = (
        f"profile_merges AS links\nLEFT JOIN {last} ON held.profile = links.segment_id AND held.copy = 1 AND {alive}"
    )
    return View.of("profile_traits", {**ours, **learnt(columns, "traits", dialect, ours)}, source)


def _named(name: str, owner: str, collection: str, dialect: Dialect, logs: Logs) -> View:
    """A row for each trait of each user or account; of users those that are nobody else's now."""
    last = f"(\n  SELECT *, {_LAST}\n  FROM {logs.traits}\n  WHERE collection = '{collection}'\n) AS held"
    columns: Expressions = {
        owner: (VARCHAR, quoted("profile")),
        "name": (VARCHAR, "pairs.name"),
        "value": (VARCHAR, dialect.pair_value),
        **{name: (type, f"held.{expression}") for name, (type, expression) in _MOMENTS.items()},
    }
    links = "profile_merges AS links ON links.segment_id = held.profile AND links.canonical_segment_id = held.profile"
    joined = f"\n  JOIN {links}" if collection == "users" else ""
    return View.of(name, columns, f"{last}{joined}\n  {dialect.pairs}\nWHERE held.copy = 1")
