"""The views over the tables, as SQL that DuckDB and Athena both take: how things are now, merges followed.

>>> print(user_traits(["plan"]).splitlines()[0])
CREATE OR REPLACE VIEW user_traits AS
"""

from collections.abc import Sequence

_CANONICAL = """SELECT segment_id, canonical_segment_id, seq, received_at, uuid_ts, "timestamp",
         row_number() OVER (PARTITION BY segment_id ORDER BY seq DESC) AS place
  FROM id_graph_updates"""

PROFILE_MERGES = f"""CREATE OR REPLACE VIEW profile_merges AS
SELECT canonical_segment_id, segment_id, seq, received_at, uuid_ts, "timestamp"
FROM ({_CANONICAL}) AS links
WHERE place = 1;
"""  # noqa: S608 - of our own texts

USER_IDENTIFIERS = """CREATE OR REPLACE VIEW user_identifiers AS
SELECT links.canonical_segment_id, ids.external_id_type AS "type", ids.external_id_value AS "value",
       ids.seq, ids.received_at, ids.uuid_ts, ids."timestamp"
FROM external_id_mapping_updates AS ids JOIN profile_merges AS links ON links.segment_id = ids.segment_id;
"""


def user_traits(columns: Sequence[str]) -> str:
    """`columns`: the traits that `profile_traits_updates` has. The last row of a profile that still is one counts."""
    values = "\nUNION ALL\n".join(
        f"  SELECT segment_id, {_text(column)} AS name, CAST({quoted(column)} AS varchar) AS value,\n"  # noqa: S608 - quoted
        f'         seq, received_at, uuid_ts, "timestamp" FROM latest WHERE {quoted(column)} IS NOT NULL'
        for column in columns
    )
    return f"""CREATE OR REPLACE VIEW user_traits AS
WITH latest AS (
  SELECT traits.* FROM profile_traits_updates AS traits
  JOIN (SELECT segment_id, max(seq) AS seq FROM profile_traits_updates GROUP BY segment_id) AS last
    ON last.segment_id = traits.segment_id AND last.seq = traits.seq
)
SELECT links.canonical_segment_id, named.name, named.value, named.seq, named.received_at, named.uuid_ts,
       named."timestamp"
FROM (
{values}
) AS named
JOIN profile_merges AS links ON links.segment_id = named.segment_id AND links.canonical_segment_id = links.segment_id;
"""  # noqa: S608 - quoted


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"
