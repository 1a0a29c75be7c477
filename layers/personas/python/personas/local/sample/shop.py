"""From the sample's click log to the calls of a shop: anonymous until the first event that implies an account.

Each (user, platform) is a device with an anonymousId of its own. At its first event that implies an account the shop
identifies the visitor with userId and email; from then on the device's calls carry both ids. Everything is derived from
the rows alone, message ids included, so that a replay that was cut short can simply be played again.
"""

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from personas.local.sample.catalogue import draw, product, revenue

DATA = Path(__file__).with_name("ecom.csv.gz")

ACCOUNT_EVENTS = {"account_page", "shipping_details", "payment_details", "purchase", "wishlist_add"}
"""What nobody does in this shop without having logged in."""

VIEWS = {
    "home": "Home",
    "cart": "Cart",
    "account_page": "Account",
    "review_page": "Reviews",
    "error_page": "Error",
}

TRACKS = {
    "catalog": "Product List Viewed",
    "filter_results": "Product List Filtered",
    "search": "Products Searched",
    "product_view": "Product Viewed",
    "compare": "Products Compared",
    "promo_page": "Promotion Viewed",
    "add_to_cart": "Product Added",
    "wishlist_add": "Product Added to Wishlist",
    "shipping_details": "Checkout Started",
    "payment_details": "Payment Info Entered",
    "payment_error": "Payment Failed",
    "checkout_bug": "Checkout Failed",
    "purchase": "Order Completed",
    "support_chat": "Support Chat Started",
}

FIRST_NAMES = ("Ada", "Ben", "Chloe", "Dana", "Emil", "Femi", "Greta", "Hugo", "Ines", "Jonas", "Kaya", "Luis")
LAST_NAMES = ("Abel", "Brandt", "Costa", "Dahl", "Eze", "Fischer", "Garcia", "Holm", "Ito", "Jansen", "Kaur", "Lund")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the Tracking API, not yet shifted in time."""

    type: str
    message_id: str
    at: datetime
    anonymous_id: str
    user_id: str | None
    context: dict[str, Any]
    name: str | None = None
    payload: dict[str, Any] = field(default_factory=dict)
    """Traits of an identify call, properties of the others."""


@dataclass(frozen=True, slots=True)
class Row:
    place: int
    user: str
    session: str
    event: str
    at: datetime
    platform: str
    channel: str
    cohort: str
    lifecycle: str


def rows(path: Path = DATA) -> list[Row]:
    """The click log, oldest first."""
    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))[1:]
    found = [
        Row(place, line[0], line[1], line[2], datetime.fromisoformat(line[3]).replace(tzinfo=UTC), *line[4:8])
        for place, line in enumerate(lines)
    ]
    return sorted(found, key=lambda row: (row.at, row.place))


def calls(log: list[Row]) -> Iterator[Call]:
    """The shop's calls, in the order in which they happened."""
    known: set[str] = set()
    baskets: dict[str, list[dict[str, Any]]] = {}
    for row in log:
        device = f"{row.user}-{row.platform}"
        if row.event in ACCOUNT_EVENTS and device not in known:
            known.add(device)
            yield _identify(row)
        yield _event(row, row.user if device in known else None, baskets.setdefault(row.session, []))


def shift(log: list[Row], now: datetime) -> timedelta:
    """What to add to every time so that the last event was an hour ago."""
    return now - timedelta(hours=1) - log[-1].at


def person(user: str) -> dict[str, Any]:
    first = FIRST_NAMES[draw("first", user) % len(FIRST_NAMES)]
    last = LAST_NAMES[draw("last", user) % len(LAST_NAMES)]
    return {"email": f"{user.replace('_', '.')}@example.com", "firstName": first, "lastName": last}


def _identify(row: Row) -> Call:
    traits = {
        **person(row.user),
        "cohort": row.cohort,
        "lifecycle": row.lifecycle,
        "acquisitionChannel": row.channel,
    }
    return _call("identify", row, f"identify-{row.place}", row.user, payload=traits)


def _event(row: Row, user: str | None, basket: list[dict[str, Any]]) -> Call:
    view = VIEWS.get(row.event)
    if view:
        kind = "screen" if row.platform == "mobile" else "page"
        return _call(kind, row, f"event-{row.place}", user, name=view, payload={"session": row.session})
    payload = {"session": row.session, **_details(row, basket)}
    return _call("track", row, f"event-{row.place}", user, name=TRACKS[row.event], payload=payload)


def _details(row: Row, basket: list[dict[str, Any]]) -> dict[str, Any]:
    """Properties after Segment's e-commerce spec, with the basket of the session as it stands."""
    seen = product(row.session, row.place)
    match row.event:
        case "product_view" | "wishlist_add" | "compare":
            return seen
        case "add_to_cart":
            basket.append(seen)
            return seen
        case "catalog" | "filter_results":
            return {"category": seen["category"]}
        case "search":
            return {"query": seen["name"].lower()}
        case "promo_page":
            return {"name": f"{seen['category']} Week"}
        case "shipping_details" | "payment_details" | "payment_error" | "checkout_bug":
            return {"value": revenue(basket or [seen]), "currency": "USD"}
        case "purchase":
            bought = list(basket) or [seen]
            basket.clear()
            return {
                "order_id": f"o-{row.place:05d}",
                "revenue": revenue(bought),
                "currency": "USD",
                "products": bought,
            }
        case _:
            return {}


def _call(
    kind: str,
    row: Row,
    message_id: str,
    user: str | None,
    *,
    name: str | None = None,
    payload: dict[str, Any],
) -> Call:
    anonymous_id = f"{row.platform}-{draw('device', row.user, row.platform):016x}"
    context = _context(row, anonymous_id)
    return Call(kind, f"sample-{message_id}", row.at, anonymous_id, user, context, name, payload)


def _context(row: Row, anonymous_id: str) -> dict[str, Any]:
    if row.platform == "mobile":
        system = ("ios", "android")[draw("system", row.user) % 2]
        return {
            "app": {"name": "Sample Store"},
            "device": {"id": f"device-{anonymous_id}", "type": system},
            "campaign": {"source": row.channel},
        }
    return {"page": {"url": "https://shop.example.com/"}, "campaign": {"source": row.channel}}
