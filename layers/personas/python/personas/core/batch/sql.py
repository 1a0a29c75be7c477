r"""Text of SQL (DuckDB's dialect), and the macros by which it reads JSON as `personas.core.values` does.

A value is the text of its JSON, without white space, and null is NULL. What SQL would not compute exactly is *wild*
(numbers beyond 2^53, sums of very long fractions, objects as values, …): whoever has such a value is left to the
stream's own code, so that the macros may count on doubles and on texts that stand for exactly one number.

Where the first of many values is looked for, `order_text` makes of each a text by which they sort as by `order_of`:
its kind, and of a number the digits, those of a negative one turned round. `moment_text` before it is 16 digits long.

`decimal_number` divides what is below 2^53 once, where the type says that it has few digits; of the widest type the
text is had sooner. DuckDB knows the type when it plans.

A decimal is NULL from 10^12 on, where it is not summable, so that no sum of them can be too large for its type. Casts
are tried, also where a CASE keeps them from texts that are no number: DuckDB may cast before it looks.

>>> text("it's"), text("a\x00b"), number(0.1), number(2**70)
("'it''s'", "'a' || chr(0) || 'b'", '0.1e0', '1.1805916207174113e+21')
"""

MACROS = {
    "is_number(j)": "ascii(j) BETWEEN 45 AND 57",
    "plain_json(j)": "CASE WHEN NOT ends_with(j, '.0') THEN j WHEN j = '-0.0' THEN '0' ELSE left(j, -2) END",
    "json_number(j)": "CASE WHEN is_number(j) THEN TRY_CAST(j AS DOUBLE) END",
    "json_decimal(j)": "CASE WHEN is_number(j) THEN TRY_CAST(j AS DECIMAL(29, 17))::DECIMAL(38, 17) END",
    "json_text(j)": """CASE WHEN ascii(j) <> 34 THEN j WHEN contains(j, '\\') THEN json_extract_string(j, '$')
        ELSE j[2:-2] END""",
    "json_texts(j)": "list_transform(json_extract(j, '$[*]')::VARCHAR[], lambda e: json_text(plain_json(e)))",
    "is_extreme(n)": "abs(n) >= 9007199254740992 OR (abs(n) < 0.0001 AND n <> 0)",
    "is_wild(j)": """CASE WHEN is_number(j) THEN CASE WHEN contains(j, 'e') THEN TRUE
            WHEN strlen(j) > 15 OR contains(j, '0.0000') THEN is_extreme(TRY_CAST(j AS DOUBLE)) ELSE FALSE END
        WHEN ascii(j) IN (91, 123) THEN regexp_matches(j, '[{]|[0-9]e|[0-9]{16}|0[.]0000|\\\\u') ELSE FALSE END""",
    "is_unsummable(j)": """CASE WHEN strlen(j) > 12 AND is_number(j) THEN
            abs(TRY_CAST(j AS DOUBLE)) >= 1e12 OR (contains(j, '.') AND length(j) - strpos(j, '.') > 17)
        ELSE FALSE END""",
    "number_text(n)": "CASE WHEN n = trunc(n) THEN TRY_CAST(n AS BIGINT)::VARCHAR ELSE n::VARCHAR END",
    "order_of(j)": """{'r': CASE WHEN is_number(j) THEN 1 WHEN ascii(j) = 34 THEN 2 WHEN ascii(j) IN (91, 123) THEN 3
            ELSE 0 END,
        'n': CASE WHEN is_number(j) THEN TRY_CAST(j AS DOUBLE) WHEN j = 'true' THEN 1 ELSE 0 END,
        't': CASE WHEN ascii(j) IN (34, 91, 123) THEN json_text(j) ELSE '' END, 'j': j}""",
    "moment_text(ts)": "(ts + 5000000000000000)::VARCHAR",
    "size_text(j)": "lpad(split_part(j, '.', 1), 16, '0') || ltrim(j, '0123456789')",
    "order_text(j)": """CASE WHEN ascii(j) = 34 THEN '2' || json_text(j)
        WHEN ascii(j) = 45 THEN '10' || translate(size_text(j[2:]), '0123456789', '9876543210') || '~' || chr(1) || j
        WHEN is_number(j) THEN '11' || size_text(j) || chr(1) || j
        WHEN ascii(j) IN (91, 123) THEN '3' || j ELSE '0' || j END""",
    "of_order_text(k)": """CASE k[1] WHEN '2' THEN to_json(k[2:])::VARCHAR WHEN '1' THEN split_part(k, chr(1), 2)
        ELSE k[2:] END""",
    "pick_text(k)": "'[' || (left(k, 16)::BIGINT - 5000000000000000) || ',' || to_json(k[17:])::VARCHAR || ']'",
    "pick_json(k)": "'[' || (left(k, 16)::BIGINT - 5000000000000000) || ',' || of_order_text(k[17:]) || ']'",
    "list_json(l)": "'[' || array_to_string(l, ',') || ']'",
    "rarity(n)": "(9999999999 - n)::VARCHAR",
    "decimal_text(d)": "number_text(d::DOUBLE)",
    "decimal_number(d)": """CASE WHEN typeof(d) = 'DECIMAL(38,17)' THEN d::VARCHAR::DOUBLE
        WHEN abs(d) < 900000000000 AND d::DECIMAL(38, 4) = d THEN TRY_CAST(d AS DECIMAL(16, 4))::DOUBLE
        ELSE d::VARCHAR::DOUBLE END""",
    "fraction_digits(j)": "CASE WHEN contains(j, '.') THEN strlen(j) - strpos(j, '.') ELSE 0 END",
    "decimal_units(d, x)": "replace(left(d::VARCHAR, strlen(d::VARCHAR) - 17 + x), '.', '')::HUGEINT",
    "json_units(u)": "CASE WHEN abs(u) < 9223372036854775808 THEN u::VARCHAR ELSE '\"' || u || '\"' END",
    "total_json(n, d, x)": "'[' || n || ',' || json_units(decimal_units(d::DECIMAL(38, 17), x)) || ',' || x || ']'",
    "marked_text(t)": "CASE WHEN starts_with(t, chr(0)) THEN chr(0) || to_json(t)::VARCHAR ELSE t END",
    "mean(d, x, n)": """CASE WHEN d % 0.0001 = 0 AND abs(x) < 1e10 AND n < 1e10 THEN
            round(x * 1e4) / (n::DOUBLE * 1e4)
        WHEN d::DECIMAL(38, 6) = d AND abs(d) < 9e9 AND n < 9e9 THEN
            TRY((d * 1000000)::BIGINT::DOUBLE) / (n::DOUBLE * 1e6)
        WHEN d::DECIMAL(38, 12) = d AND abs(d) < 9e3 AND n < 9e3 THEN
            TRY((d * 1000000000000)::BIGINT::DOUBLE) / (n::DOUBLE * 1e12) END""",
    "whole(t)": "TRY_CAST(t AS INTEGER)",
    "iso_zone(t)": "regexp_extract(t, '^.{11}.*(Z|[+-][0-9]{2}:?[0-9]{2})$', 1)",
    "zone_minutes(z)": """CASE WHEN z IN ('', 'Z') THEN 0 ELSE
        (CASE WHEN z[1] = '-' THEN -1 ELSE 1 END) * (whole(z[2:3]) * 60 + whole(right(z, 2))) END""",
    "iso_moment(t)": """CASE WHEN year(TRY_CAST(t[1:10] AS DATE)) BETWEEN 1 AND 9999 THEN CASE WHEN length(t) = 10 THEN
            epoch_ms(TRY_CAST(t[1:10] AS DATE))
        WHEN t[12:13] <= '23' AND t[15:16] <= '59' AND (t[17] <> ':' OR t[18:19] <= '59')
            AND abs(zone_minutes(iso_zone(t))) < 1440 THEN
            epoch_ms(TRY_CAST(t[1:10] AS DATE)) + whole(t[12:13]) * 3600000 + whole(t[15:16]) * 60000
            + (CASE WHEN t[17] = ':' THEN whole(t[18:19]) * 1000 ELSE 0 END)
            + (CASE WHEN t[20] = '.' THEN whole(rpad(regexp_extract(t, '[.]([0-9]{1,3})', 1), 3, '0')) ELSE 0 END)
            - zone_minutes(iso_zone(t)) * 60000 END END""",
    "text_moment(t)": """list_transform([t], lambda m: CASE WHEN regexp_full_match(m,
        '[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?')
        THEN iso_moment(m) END)[1]""",
}
"""Each with its parameters; a later one may use the earlier ones."""


def create_macros(used_in: str | None = None) -> list[str]:
    """All of them; or those that this text uses, be it by way of others: to make one costs as much as some 500 rows."""
    made: list[str] = []
    for head, body in reversed(MACROS.items()):
        if used_in is None or head[: head.index("(") + 1] in used_in:
            made.append(f"CREATE OR REPLACE TEMP MACRO {head} AS {body}")
            used_in = None if used_in is None else used_in + body
    return made[::-1]


def text(value: str) -> str:
    parts = ["'" + part.replace("'", "''") + "'" for part in value.split("\x00")]
    return " || chr(0) || ".join(parts)


def number(value: int | float) -> str:
    """A DOUBLE."""
    written = repr(float(value))
    return written if "e" in written else f"{written}e0"


def texts(values: tuple[str, ...]) -> str:
    return ", ".join(map(text, values))


def all_of(conditions: list[str]) -> str:
    return " AND ".join(conditions) if conditions else "TRUE"


def any_of(conditions: list[str]) -> str:
    return "(" + " OR ".join(conditions) + ")" if conditions else "FALSE"
