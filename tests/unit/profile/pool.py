"""Definitions that a random space may have: under each key some queries, of which an edit makes one another."""

from typing import NamedTuple


class Entry(NamedTuple):
    key: str
    kind: str
    collection: str
    queries: tuple[str, ...]


def trait(key: str, *queries: str, of: str = "users") -> Entry:
    return Entry(key, "computed_trait", of, queries)


def audience(key: str, *queries: str, of: str = "users") -> Entry:
    return Entry(key, "audience", of, queries)


VISITED = "event('Visit').within(parent: 2 hours).count()"
USERS = (
    trait("orders", "event('Order').count()", "event('Order').where(property('price') >= 3).count()"),
    trait("spent", "event('Order').sum(property('price'))", "event('Order').avg(property('price'))"),
    trait("recent", "event('Order').within(3 hours).count()", "event('Order').within(2 days).max(property('price'))"),
    trait("earlier", "event('Order').between(2 hours, 1 day).count()", "event('Visit').between(1 day, 3 days).count()"),
    trait(
        "session", "event('Visit').expires_after(2 hours).count()", "event('Visit').expires_after(5400 seconds).count()"
    ),
    trait(
        "favourite", "event('Order').mode(property('item'), 1)", "event('Order').within(1 day).mode(property('item'))"
    ),
    trait("items", "event('Order').unique(property('item'))", "event('Order').unique(property('item')).count()"),
    trait("edge", "event('Order').first(property('item'))", "event('Order').last(property('item'))"),
    trait("pages", "event('Page Viewed').count()", "event('Page Viewed').last(property('page_name'))"),
    audience("buyers", "event('Order').count() >= 1", "event('Order').count() >= 3"),
    audience("strangers", "NOT (event('Order').count() >= 1)", "event('Visit').within(1 day).count() = 0"),
    audience("spree", "event('Order').within(2 hours).count() >= 2", "event('Order').within(1 day).count() >= 2"),
    audience(
        "led", f"event('Order').where({VISITED} >= 1).count() >= 1", f"event('Order').where({VISITED} = 0).count() >= 1"
    ),
    audience("left", f"event('Order').within(2 days).where({VISITED} = 0).count() >= 1"),
    audience("dear", "event('Order').where(property('price') >= trait('score')).count() >= 1"),
    audience("renewing", "trait('renews').within_next(2 days)", "trait('renews').before_last(1 day)"),
    audience("pro", "trait('plan') = 'pro'", "trait('plan').exists() AND NOT (trait('plan') = 'pro')"),
    audience(
        "loyal", "trait('spent') >= 5 AND trait('buyers') = 'true'", "trait('orders') >= 2 OR trait('pro') = 'true'"
    ),
)
ACCOUNTS = (
    trait("all_orders", "event('Order').count()", "event('Order').sum(property('price'))", of="accounts"),
    trait(
        "all_recent", "event('Order').within(4 hours).count()", "event('Visit').within(1 day).count()", of="accounts"
    ),
    trait("all_items", "event('Order').unique(property('item'))", of="accounts"),
    trait("all_most", "event('Order').max(property('price'))", "event('Order').min(property('price'))", of="accounts"),
    trait("all_edge", "event('Order').first(property('item'))", "event('Order').last(property('item'))", of="accounts"),
    trait(
        "all_session",
        "event('Visit').expires_after(2 hours).count()",
        "event('Order').expires_after(5400 seconds).sum(property('price'))",
        of="accounts",
    ),
    audience(
        "all_led",
        f"event('Order').where({VISITED} >= 1).count() >= 1",
        f"event('Order').within(2 days).where({VISITED} = 0).count() >= 1",
        of="accounts",
    ),
    audience("busy", "event('Order').within(2 hours).count() >= 3", "trait('all_orders') >= 4", of="accounts"),
    audience("big", "trait('size') >= 3", "trait('size') >= 1 AND trait('all_recent') = 0", of="accounts"),
    audience("ending", "trait('contract').within_next(1 day)", of="accounts"),
    audience("any_buys", "ANY (event('Order').count() >= 1)", "ANY (event('Order').count() >= 2)", of="accounts"),
    audience(
        "all_buy",
        "ALL (event('Order').count() >= 1)",
        "ALL (event('Order').sum(property('price')) >= 4)",
        of="accounts",
    ),
    audience("quiet", "ALL NOT event('Order').within(3 hours).count() >= 1", of="accounts"),
    audience(
        "any_pro", "ANY (trait('plan') = 'pro')", "ANY (trait('spree') = 'true') AND trait('size') >= 1", of="accounts"
    ),
    audience("all_of_busy", "ALL (trait('of_busy') = 'true')", of="accounts"),
)
ACROSS = (
    audience("of_busy", "trait('busy') = 'true'", "trait('busy') = 'true' OR trait('big') = 'true'"),
    audience(
        "not_of_quiet", "NOT (trait('quiet') = 'true')", "trait('quiet') = 'true' AND event('Visit').count() >= 1"
    ),
)
POOL = USERS + ACCOUNTS + ACROSS
