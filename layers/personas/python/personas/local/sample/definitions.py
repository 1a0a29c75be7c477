"""What the sample store's marketers defined: a few traits and audiences, and a tool that receives them."""

from typing import Any

COMPUTED_TRAITS = {
    "Orders 30d": "event('Order Completed').within(30 days).count()",
    "Lifetime Revenue": "event('Order Completed').sum(property('revenue'))",
    "Favourite Category": "event('Product Viewed').mode(property('category'))",
    "Last Order": "event('Order Completed').last(property('order_id'))",
}

AUDIENCES = {
    "Recent Buyers": "event('Order Completed').within(30 days).count() >= 1",
    "Window Shoppers": (
        "event('Product Viewed').within(30 days).count() >= 5 "
        "AND NOT (event('Order Completed').within(30 days).count() >= 1)"
    ),
    "Loyal Customers": "trait('lifecycle') = 'loyal' AND event('Order Completed').within(180 days).count() >= 2",
    "Checkout Trouble": (
        "event('Payment Failed').within(90 days).count() >= 1 OR event('Checkout Failed').within(90 days).count() >= 1"
    ),
}


def computed_trait(name: str) -> dict[str, Any]:
    """The Control API body that creates the computed trait."""
    return {
        "name": name,
        "enabled": True,
        "description": "",
        "definition": {"query": COMPUTED_TRAITS[name], "type": "users"},
    }


def audience(name: str) -> dict[str, Any]:
    """The Control API body that creates the audience; its anonymous visitors count too."""
    return {
        "name": name,
        "enabled": True,
        "description": "",
        "definition": {"query": AUDIENCES[name]},
        "audienceType": "USERS",
        "options": {"filterByExternalIds": ["user_id", "email", "anonymous_id"]},
    }


def webhook(url: str) -> dict[str, Any]:
    """The Control API body that connects a webhook to everything that the space computes."""
    return {
        "name": "Sink on this machine",
        "enabled": True,
        "type": "actions-webhook",
        "settings": {},
        "subscriptions": [
            {
                "name": "Send",
                "enabled": True,
                "partnerAction": "send",
                "trigger": 'type = "identify" or type = "track"',
                "mapping": {"url": url, "method": "POST", "data": {"@path": "$."}},
            }
        ],
    }
