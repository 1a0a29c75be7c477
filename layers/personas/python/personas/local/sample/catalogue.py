"""What the sample store sells: 120 products with fixed prices, so that every replay says the same.

>>> product("sess_000001", 3) == product("sess_000001", 3)
True
>>> revenue([{"price": 19.9, "quantity": 2}, {"price": 0.1, "quantity": 1}])
39.9
"""

from hashlib import blake2b
from typing import Any

CATEGORIES = {
    "Shoes": ("Trail Runner", "City Sneaker", "Rain Boot", "Canvas Slip-on", "Hiking Boot", "Court Shoe"),
    "Outdoor": ("Two-person Tent", "Head Torch", "Camp Stove", "Dry Bag", "Trekking Poles", "Sleeping Mat"),
    "Kitchen": ("Chef's Knife", "Cast-iron Pan", "Pour-over Set", "Bread Tin", "Mixing Bowl", "Pepper Mill"),
    "Desk": ("Notebook", "Fountain Pen", "Desk Lamp", "Cable Tray", "Monitor Stand", "Felt Pad"),
    "Garden": ("Pruning Shears", "Watering Can", "Bird Feeder", "Seed Box", "Rain Barrel", "Planter"),
}
VARIANTS = ("", " II", " Pro", " Mini")

_PRODUCTS = [
    (category, name + variant) for category, names in CATEGORIES.items() for name in names for variant in VARIANTS
]


def draw(*parts: object) -> int:
    """A number that looks random and depends on the parts alone."""
    return int.from_bytes(blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest())


def product(*drawn_by: object) -> dict[str, Any]:
    """The product that the parts lead to, as the properties of Segment's e-commerce events."""
    place = draw("product", *drawn_by) % len(_PRODUCTS)
    category, name = _PRODUCTS[place]
    cents = 490 + draw("price", place) % 14_500
    return {
        "product_id": f"p-{place:03d}",
        "sku": f"{category[:2].upper()}-{place:03d}",
        "name": name,
        "category": category,
        "price": cents / 100,
        "quantity": 1,
    }


def revenue(products: list[dict[str, Any]]) -> float:
    """The sum of price times quantity, added up in cents so that it is exact."""
    cents: int = sum(round(item["price"] * 100) * item["quantity"] for item in products)
    return cents / 100
