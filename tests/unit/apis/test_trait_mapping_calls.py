"""Trait mappings through the Control API's real handler."""

from typing import Any

import pytest

from personas.stores import definitions, spaces
from tests.unit.apis.conftest import Function, bring_into_force, errors, made

ORDERS = {"name": "Orders 30d", "definition": {"query": "event('Order Completed').count()", "type": "users"}}
CITY = {"event": "Order Completed", "path": "properties.shipping.city", "trait": "last_city"}


def test_a_trait_mapping_is_part_of_the_snapshot_until_it_is_deleted(control: Function, space: str) -> None:
    mapping = made(control("POST", f"/spaces/{space}/trait-mappings", CITY), "traitMapping")
    wanted = {**CITY, "type": None, "id": mapping["id"], "createdAt": "2026-01-01T00:00:00.000Z"}
    assert mapping == wanted
    assert made(control("GET", f"/spaces/{space}/trait-mappings"), "traitMappings") == [wanted]
    assert made(control("GET", f"/spaces/{space}/trait-mappings/{mapping['id']}"), "traitMapping") == wanted
    control("POST", f"/spaces/{space}/computed-traits", ORDERS)
    for version in (1, 2):
        assert [kept.trait for kept in definitions.load(space, version).promotions.mappings] == ["last_city"]
    head = spaces.head(space)
    assert head
    assert (head.definitions, head.barrier) == (2, 1), "a pending definition is announced by its backfill"
    bring_into_force(space)
    assert control("DELETE", f"/spaces/{space}/trait-mappings/{mapping['id']}").status == 200
    assert not definitions.load(space, 4).promotions
    assert set(definitions.load(space, 4).named()) == {"orders_30d"}
    assert control("GET", f"/spaces/{space}/trait-mappings/{mapping['id']}").status == 404
    assert control("DELETE", f"/spaces/{space}/trait-mappings/{mapping['id']}").status == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"event": None}, "event"),
        ({"type": "track"}, "event"),
        ({"event": None, "type": "click"}, "type"),
        ({"event": " "}, "event"),
        ({"path": "shipping.city"}, "path"),
        ({"path": "properties"}, "path"),
        ({"path": "properties.items.$.city"}, "path"),
        ({"path": "properties..city"}, "path"),
        ({"trait": ""}, "trait"),
        ({"trait": 5}, "trait"),
    ],
)
def test_a_bad_trait_mapping_is_refused_with_its_field(control: Function, space: str, change: Any, field: str) -> None:
    reply = control("POST", f"/spaces/{space}/trait-mappings", {**CITY, **change})
    assert (reply.status, errors(reply)) == (400, [("bad-request", field)])
    assert made(control("GET", f"/spaces/{space}/trait-mappings"), "traitMappings") == []


def test_two_mappings_of_the_same_events_cannot_lead_to_one_trait(control: Function, space: str) -> None:
    made(control("POST", f"/spaces/{space}/trait-mappings", CITY), "traitMapping")
    assert control("POST", f"/spaces/{space}/trait-mappings", {**CITY, "path": "context.ip"}).status == 409
    assert control("POST", f"/spaces/{space}/trait-mappings", {**CITY, "event": "Order Updated"}).status == 200
