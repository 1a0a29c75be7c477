"""The identity resolution settings of a space through the real handler: read, replaced, copied, imported."""

import pytest

from personas.core.identity.external_id import ExternalId
from personas.core.identity.fact import Fact
from personas.core.identity.root import Root
from personas.stores import graph_writes
from tests.unit.apis.conftest import Function, errors, made


def test_identity_settings_are_read_replaced_and_copied(control: Function, space: str) -> None:
    at = f"/spaces/{space}/identity-resolution"
    before = control("GET", at).body["data"]
    [user_id, *_] = before["identifiers"]
    assert (user_id["type"], user_id["limit"], user_id["priority"]) == ("user_id", 1, 1)
    user_id["limit"] = 2
    assert control("PUT", at, {"identifiers": before["identifiers"]}).status == 200
    assert control("GET", at).body["data"]["identifiers"][0]["limit"] == 2
    copy = made(control("POST", "/spaces", {"name": "Copy", "copySettingsFrom": space}), "space")
    assert control("GET", f"/spaces/{copy['slug']}/identity-resolution").body == control("GET", at).body
    bad = control("PUT", at, {"identifiers": [{**user_id, "limit": 0}]})
    assert bad.status == 400
    assert "limit" in str(errors(bad)[0][1])


@pytest.fixture
def people(space: str) -> list[str]:
    """One with two emails, one with one, and one who is part of the first."""
    emails = [ExternalId("email", f"{name}@b.c", "users", "src", 1, "m") for name in ("a", "b", "c")]
    one, gone = Root("use_1", 1, 1, claims={"email": (1, 1)}), Root("use_0", 2, 1, merged_into="use_1")
    other = Root("use_2", 1, 1, claims={"email": (1,)})
    for root, seen in ((one, emails[:2]), (gone, []), (other, emails[2:])):
        graph_writes.change(space, None, root, [], [Fact(root.id, each, "identify", "r") for each in seen])
    return [one.id, other.id]


def test_rules_that_profiles_exceed_are_saved_with_a_warning(control: Function, space: str, people: list[str]) -> None:
    at = f"/spaces/{space}/identity-resolution"
    rules = control("GET", at).body["data"]["identifiers"]
    assert control("PUT", at, {"identifiers": rules}).body["data"]["warnings"] == []
    emails = next(rule for rule in rules if rule["type"] == "email")
    emails["limit"] = 1
    emails["blockedValues"] = ["c@b.c"]
    answer = control("PUT", at, {"identifiers": rules}).body["data"]
    found = [(warning["field"], warning["profiles"], warning["samples"]) for warning in answer["warnings"]]
    assert found == [("email.limit", 1, people[:1]), ("email.blockedValues", 1, people[1:])]
    assert answer["lookedAt"] == {"profiles": 2, "complete": True}
    assert control("GET", at).body["data"]["identifiers"] == rules
    assert control("PUT", at, {"identifiers": rules}).body["data"]["warnings"] == []


def test_a_type_that_is_removed_and_one_that_is_overtaken_are_warned_of(control: Function, space: str) -> None:
    seen = [ExternalId(kind, "x", "users", "src", 1, "m") for kind in ("crm_id", "email", "phone")]
    root = Root("use_1", 1, 1, claims={each.type: (1,) for each in seen})
    graph_writes.change(space, None, root, [], [Fact(root.id, each, "identify", "r") for each in seen])
    at = f"/spaces/{space}/identity-resolution"
    before = [{"type": "user_id"}, {"type": "crm_id"}, {"type": "email"}, {"type": "phone"}]
    assert control("PUT", at, {"identifiers": before}).status == 200
    after = [{"type": "user_id"}, {"type": "email"}, {"type": "crm_id"}]
    answer = control("PUT", at, {"identifiers": after}).body["data"]
    assert [(one["field"], one["samples"]) for one in answer["warnings"]] == [
        ("phone", ["use_1"]),
        ("crm_id.priority", ["use_1"]),
    ]
    assert "email" in answer["warnings"][1]["message"]


def test_rules_are_imported_from_another_space(control: Function, space: str, people: list[str]) -> None:
    model = made(control("POST", "/spaces", {"name": "Model"}), "space")
    strict = [{"type": "user_id", "limit": 1}, {"type": "email", "limit": 1}, {"type": "crm_id", "limit": 2}]
    assert control("PUT", f"/spaces/{model['id']}/identity-resolution", {"identifiers": strict}).status == 200
    at = f"/spaces/{space}/identity-resolution"
    answer = control("POST", f"{at}/import", {"fromSpace": model["slug"]})
    assert [warning["samples"] for warning in answer.body["data"]["warnings"]] == [people[:1]]
    assert control("GET", at).body == control("GET", f"/spaces/{model['id']}/identity-resolution").body


@pytest.mark.parametrize("named", ["nowhere", None])
def test_an_import_names_a_space_that_can_be_imported_from(control: Function, space: str, named: str | None) -> None:
    reply = control("POST", f"/spaces/{space}/identity-resolution/import", {"fromSpace": named or space})
    assert (reply.status, errors(reply)) == (400, [("bad-request", "fromSpace")])
