"""Twenty definitions as a shop has them: 14 computed traits and 6 audiences, for what is measured of them, and what its
visitors do."""

import random
from typing import Any

QUERIES = {
    "orders": "event('Order Completed').count()",
    "orders_30d": "event('Order Completed').within(30 days).count()",
    "revenue": "event('Order Completed').sum(property('revenue'))",
    "revenue_90d": "event('Order Completed').within(90 days).sum(property('revenue'))",
    "average_order": "event('Order Completed').avg(property('revenue'))",
    "largest_order": "event('Order Completed').max(property('revenue'))",
    "first_coupon": "event('Order Completed').first(property('coupon'))",
    "last_order_at": "event('Order Completed').last(property('at'))",
    "views_7d": "event('Product Viewed').within(7 days).count()",
    "top_category": "event('Product Viewed').mode(property('category'), 2)",
    "brands": "event('Product Viewed').within(30 days).unique(property('brand'))",
    "brands_count": "event('Product Viewed').within(30 days).unique(property('brand')).count()",
    "pages": "event('Page Viewed').count()",
    "last_page": "event('Page Viewed').last(property('page_name'))",
}
AUDIENCES = {
    "big_spenders": "trait('revenue') > 200",
    "recent_buyers": "event('Order Completed').within(14 days).count() >= 1",
    "window_shoppers": "event('Product Viewed').within(7 days).count() >= 3 AND event('Order Completed').count() = 0",
    "lapsed": "event('Order Completed').between(30 days, 90 days).count() >= 1 AND trait('orders_30d') = 0",
    "pro_or_swede": "trait('plan') = 'pro' OR trait('country').one_of('SE', 'NO')",
    "pricing": "event('Page Viewed').where(property('page_name') = 'Pricing').within(7 days).count() >= 2",
}


def something(chance: random.Random) -> dict[str, Any]:
    """Most of a call: four of ten are pages, five products that are viewed, one an order."""
    kinds: list[dict[str, Any]] = [
        {"type": "page", "name": chance.choice(["Home", "Pricing", "Search"])},
        {
            "type": "track",
            "event": "Product Viewed",
            "properties": {
                "brand": chance.choice(["acme", "birch", "cedar", "delta"]),
                "category": chance.choice(["shoes", "shirts", "hats"]),
                "price": chance.randrange(900, 20_000) / 100,
            },
        },
        {
            "type": "track",
            "event": "Order Completed",
            "properties": {"revenue": chance.randrange(900, 20_000) / 100, "coupon": "SPRING", "at": "2025-09-01"},
        },
    ]
    return chance.choices(kinds, [4, 5, 1])[0]
