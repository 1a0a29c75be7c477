"""Makes the dictionary that items and records are compressed with (personas/wire.py) and prints what it is worth.

    .venv/bin/python tools/wire_dictionary.py 1

It is trained on what Personas itself writes for made-up people, who do what Segment's public specs of events have them
do (e-commerce and B2B events, reserved traits, common context). So it knows the marks of our own formats and the usual
words, and nothing of any one customer. Items live for ever: a dictionary that a release has shipped with is never made
again under its number.
"""

import random
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import zstandard

from personas import wire
from personas.core.compute.definition_set import DefinitionSet
from personas.core.envelope import EventEnvelope
from personas.core.event import Event
from personas.core.identifier import Identifier
from personas.core.moments import DAY, HOUR, iso
from personas.core.profile.acting import act
from personas.core.profile.delivery import Delivery, Outcome, Recalled
from personas.core.profile.stored import Stored
from personas.core.query.definition import Definition

SIZE = 16_384
PEOPLE = 300
NOW = 1_790_000_000_000
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
# fmt: off
WORDS = (
    "Monopoly 3rd Edition", "Uno Card Game", "Settlers", "Games", "Home: Page", "Toys", "black", "white",
    "large", "small", "monthly", "annual", "Basic", "Enterprise", "Initech", "summer", "newsletter", "google",
    "cpc", "credit card", "visa", "fedex", "ground", "relevance", "price", "desc", "list", "grid",
)
NUMBERS = (
    "price", "position", "quantity", "value", "revenue", "shipping", "tax", "discount", "total", "subtotal", "step",
)
# fmt: on
TRACKED: dict[str, tuple[str, ...]] = {
    "Products Searched": ("query",),
    "Product List Viewed": ("list_id", "category"),
    "Product Clicked": ("product_id", "sku", "category", "name", "price", "position", "url"),
    "Product Viewed": ("product_id", "sku", "category", "name", "brand", "variant", "price", "quantity", "currency"),
    "Product Added": ("cart_id", "product_id", "name", "brand", "price", "quantity", "coupon"),
    "Product Removed": ("cart_id", "product_id", "name", "price", "quantity"),
    "Cart Viewed": ("cart_id",),
    "Checkout Started": ("order_id", "affiliation", "value", "revenue", "shipping", "tax", "discount", "coupon"),
    "Checkout Step Completed": ("checkout_id", "step", "shipping_method", "payment_method"),
    "Payment Info Entered": ("checkout_id", "order_id", "payment_method"),
    "Order Completed": ("order_id", "total", "subtotal", "revenue", "shipping", "tax", "discount", "currency"),
    "Order Refunded": ("order_id", "total"),
    "Coupon Applied": ("order_id", "cart_id", "coupon_id", "discount"),
    "Signed Up": ("type", "first_name", "last_name", "email", "phone", "username", "title"),
    "Signed In": ("username",),
    "Account Created": ("account_name",),
    "Trial Started": ("trial_start_date", "trial_end_date", "trial_plan_name"),
    "Invite Sent": ("invitee_email", "invitee_role"),
    "Application Opened": ("from_background", "version", "build"),
    "Email Opened": ("email_id", "email_subject", "campaign_id", "campaign_name"),
}
PAGES = ("Home", "Pricing", "Docs", "Checkout", "Login", "Account", "Blog")
TRAITS = ("email", "firstName", "lastName", "name", "phone", "plan", "title", "company", "industry", "createdAt", "age")
REDUCED = (
    "event('{event}').count()",
    "event('{event}').within({days} days).count()",
    "event('{event}').sum(property('{property}'))",
    "event('{event}').within({days} days).avg(property('{property}'))",
    "event('{event}').max(property('{property}'))",
    "event('{event}').last(property('{property}'))",
    "event('{event}').first(property('{property}'))",
    "event('{event}').mode(property('{property}'))",
    "event('{event}').within({days} days).unique(property('{property}'))",
)
HELD = (
    "event('{event}').within({days} days).count() >= 2",
    "event('{event}').count() = 0",
    "trait('plan') = '{property}'",
)


def definitions(chance: random.Random) -> DefinitionSet:
    """Some twenty of one space."""
    found = []
    for number in range(chance.randrange(12, 28)):
        event = chance.choice(list(TRACKED))
        field = chance.choice(TRACKED[event])
        kind, query = chance.choice([("computed_trait", REDUCED), ("audience", HELD), ("computed_trait", REDUCED)])
        text = chance.choice(query).format(event=event, property=field, days=chance.choice([7, 14, 30, 90]))
        key = f"{event.lower().replace(' ', '_')}_{chance.choice(['count', 'total', 'last', field, '30d', 'users'])}"
        id = f"{'aud' if kind == 'audience' else 'ct'}_{token(chance, 12)}"
        found.append(Definition(id, f"{key}_{number}", key, kind, "users", text, chance.randrange(1, 9)))
    return DefinitionSet.of(1, found)


def token(chance: random.Random, size: int) -> str:
    return "".join(chance.choices(ALPHABET, k=size))


def value(chance: random.Random, field: str) -> Any:
    if field in NUMBERS:
        return chance.choice([chance.randrange(1, 30), chance.randrange(100, 40_000) / 100])
    return token(chance, 16) if field.endswith("id") else chance.choice(WORDS)


def body(chance: random.Random, user: str, anonymous: str, at: int) -> dict[str, Any]:
    kind = chance.choice(["page", "track", "track", "track", "identify"])
    said: dict[str, Any] = {"type": kind, "messageId": f"ajs-next-{token(chance, 16)}", "timestamp": iso(at)}
    if kind == "track":
        said["event"] = chance.choice(list(TRACKED))
        said["properties"] = {field: value(chance, field) for field in TRACKED[said["event"]]}
    elif kind == "page":
        said["name"] = chance.choice(PAGES)
        said["properties"] = {"path": "/", "referrer": "", "search": "", "title": "", "url": "https://www."}
    else:
        said["traits"] = {field: value(chance, field) for field in chance.sample(TRAITS, 4)}
    library = {"name": "analytics.js", "version": "next-1.70.0"}
    context: dict[str, Any] = {"library": library, "locale": "en-US", "timezone": "Europe/"}
    page = {"path": "/", "referrer": "", "search": "", "title": "", "url": "https://www."}
    context |= {"page": page, "ip": "203.0.113.7", "userAgent": "Mozilla/5.0"}
    said |= {"anonymousId": anonymous, "context": context}
    return said if chance.randrange(4) == 0 else {**said, "userId": user}


def samples(seed: int) -> Iterator[bytes]:
    """Of one person: the records that tell of what it did, its profile and its state, after each visit."""
    chance = random.Random(seed)  # noqa: S311 - nobody is to be surprised by a dictionary
    space, user, anonymous = f"spa_{token(chance, 10)}", token(chance, 12), token(chance, 20)
    compiled = definitions(chance)
    stored = Stored(space, f"use_{token(chance, 12)}")
    visits = sorted(NOW - chance.randrange(60 * DAY) for _ in range(chance.randrange(3, 12)))
    for number, visit in enumerate(visits):
        events = [
            Event(space, f"src_{seed % 7}", visit + step * 30_000, visit + HOUR // 6, said)
            for step, said in enumerate(body(chance, user, anonymous, visit) for _ in range(chance.randrange(1, 9)))
        ]
        identifiers = (Identifier("anonymous_id", anonymous), Identifier("user_id", user))
        envelopes = [EventEnvelope(stored.id, event, identifiers) for event in events]
        deliveries = [Delivery((7, number, place), envelope, 1) for place, envelope in enumerate(envelopes)]
        outcome = act(stored, deliveries, Recalled({1: compiled}), visit + HOUR)
        if not isinstance(outcome, Outcome) or outcome.profile is None or outcome.state is None:
            raise TypeError("a new event always changes a profile")
        profile, state = orjson.dumps(outcome.profile.to_data()), orjson.dumps(outcome.state.to_data())
        yield from (profile, state)
        yield orjson.dumps({"lane": number % 256, "envelopes": [envelope.to_data() for envelope in envelopes]})
        yield orjson.dumps({"events": [event.to_data() for event in events]})
        stored = Stored(
            space,
            stored.id,
            outcome.profile.v,
            outcome.profile.sequence,
            zlib.compress(profile),
            outcome.state.sequence,
            outcome.state.version,
            zlib.compress(state),
        )


def main(number: int) -> int:
    found = [sample for seed in range(PEOPLE) for sample in samples(seed)]
    made = zstandard.train_dictionary(SIZE, found, dict_id=number, level=1)
    target = Path(wire.__file__).parent / "dictionaries" / f"{number}.zstd-dictionary"
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(made.as_bytes())
    others = [sample for seed in range(PEOPLE, PEOPLE + 50) for sample in samples(seed)]
    compressor = zstandard.ZstdCompressor(level=1, dict_data=made)
    plain, packed = sum(map(len, others)), sum(len(compressor.compress(sample)) for sample in others)
    print(f"{target}: {len(found)} samples; of others {plain} bytes become {packed}")  # noqa: T201 - a command
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
