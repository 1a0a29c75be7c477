"""From two images of a profile to what is told, and to whom."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

from personas.core.activation.changes import Changes, diff
from personas.core.profile.custom import Stamp, set_traits
from personas.core.profile.profile import Computed, Profile

IDS = {"user_id": ("u1",), "email": ("a@x",)}


def _profile(
    v: int = 1, identifiers: dict[str, tuple[str, ...]] = IDS, into: str | None = None, **values: Any
) -> Profile:
    """Audiences by a bool, computed traits by anything else; (value, since) where the moment matters."""
    computed = {}
    for key, given in values.items():
        value, since = given if isinstance(given, tuple) else (given, 10)
        kind = "audience" if isinstance(value, bool) else "computed_trait"
        computed[key] = Computed(key, f"id_{key}", kind, 1, value, since)
    return Profile("spa_1", "use_1", v=v, computed=computed, identifiers=identifiers, merged_into=into)


def _told(old: Profile | None, new: Profile) -> list[tuple[str, Any, Any]]:
    return [(change.computation.key, change.value, change.only) for change in diff(old, new)]


def test_a_first_value_is_told_to_everybody() -> None:
    assert _told(None, _profile(vip=True, orders=3)) == [("vip", True, None), ("orders", 3, None)]


def test_a_change_says_old_and_new_value_the_definition_s_version_and_the_moment() -> None:
    (entry,) = diff(None, _profile(vip=(True, 20)))
    assert (entry.before, entry.value, entry.definition_version, entry.at) == (None, True, 1, 20)
    left = _profile(v=2, vip=(False, 30))
    (leaving,) = diff(
        _profile(vip=(True, 20)), replace(left, computed={"vip": left.computed["vip"]._replace(version=4)})
    )
    assert (leaving.before, leaving.value, leaving.definition_version, leaving.at) == (True, False, 4, 30)
    assert type(leaving).of_data("spa_1", "use_1", leaving.to_data()) == leaving
    (removed,) = diff(_profile(orders=3), _profile(v=2))
    assert (removed.before, removed.value) == (3, None)


def test_a_new_definition_of_the_same_key_has_no_old_value() -> None:
    other = {"orders": Computed("orders", "id_other", "computed_trait", 1, 5, 10)}
    (change,) = diff(_profile(orders=3), replace(_profile(v=2), computed=other))
    assert (change.before, change.value) == (None, 5)


def test_of_changes_in_a_row_the_value_before_the_first_is_the_old_one() -> None:
    first, second = _profile(v=2, orders=(4, 20)), _profile(v=3, orders=(5, 30))
    changes = Changes()
    changes.add(_profile(orders=3), first)
    changes.add(first, second)
    (change,) = changes.of_space("spa_1")
    assert (change.before, change.value, change.at) == (3, 5, 30)


def test_what_did_not_change_is_not_told() -> None:
    assert _told(_profile(vip=True, orders=3), _profile(v=2, vip=True, orders=3)) == []


def test_true_and_one_are_different_values() -> None:
    assert _told(_profile(flag=1), replace(_profile(v=2), computed=_profile(flag=(True, 10)).computed)) != []


def test_an_exit_is_told_to_everybody() -> None:
    assert _told(_profile(vip=True), _profile(v=2, vip=False)) == [("vip", False, None)]


def test_who_never_was_a_member_exits_nothing() -> None:
    assert _told(None, _profile()) == []


def test_a_trait_without_a_value_is_told_as_none() -> None:
    assert _told(_profile(average=2.5), _profile(v=2)) == [("average", None, None)]


def test_a_deleted_traits_value_goes_on_as_a_custom_one_and_is_not_told() -> None:
    custom: dict[str, Any] = {}
    set_traits(custom, {"average": 2.5}, Stamp(10, 10, "", "id_average"))
    assert _told(_profile(average=2.5), replace(_profile(v=2), custom=custom)) == []


def test_a_deleted_audience_sends_no_exits_but_has_no_members() -> None:
    changes = Changes()
    changes.add(_profile(vip=True), _profile(v=2))
    assert not changes.told
    (membership,) = changes.memberships.values()
    assert (membership.member, membership.version) == (False, 2)


def test_a_new_identifier_hears_the_values_again() -> None:
    more = {**IDS, "email": ("a@x", "b@x")}
    told = _told(_profile(vip=True, left=False, orders=3), _profile(2, more, vip=True, left=False, orders=4))
    assert told == [("vip", True, (("email", "b@x"),)), ("orders", 4, None)]


def test_a_membership_that_ended_by_absorbing_a_member_is_told_to_those_who_came_with_it() -> None:
    more = {**IDS, "email": ("a@x", "b@x")}
    assert _told(_profile(), _profile(2, more, vip=False)) == [("vip", False, (("email", "b@x"),))]


def test_a_membership_that_ended_anew_is_told_to_everybody() -> None:
    assert _told(_profile(vip=(False, 10)), _profile(2, vip=(False, 20))) == [("vip", False, None)]


def test_a_tombstone_tells_nothing_and_leaves_the_audience() -> None:
    changes = Changes()
    changes.add(None, _profile(vip=True))
    changes.add(_profile(vip=True), _profile(2, {}, "use_0"))
    assert changes.of_space("spa_1") == []
    assert changes.gone_of("spa_1") == [("use_1", 2)]
    (membership,) = changes.memberships.values()
    assert (membership.member, membership.version) == (False, 2)


def test_a_tombstone_that_is_written_again_is_no_news() -> None:
    changes = Changes()
    changes.add(_profile(2, {}, "use_0"), _profile(3, {}, "use_0"))
    assert changes.spaces == []


def test_of_several_images_the_last_value_stands() -> None:
    changes = Changes()
    images = [None, _profile(1, vip=True), _profile(2, vip=False), _profile(3, vip=True)]
    for old, new in pairwise(images):
        assert new is not None
        changes.add(old, new)
    (change,) = changes.of_space("spa_1")
    assert (change.value, change.version) == (True, 3)


def test_a_value_that_came_and_an_identifier_that_joined_after_it_are_told_to_everybody() -> None:
    changes = Changes()
    changes.add(None, _profile(1, vip=True))
    changes.add(_profile(1, vip=True), _profile(2, {**IDS, "email": ("a@x", "b@x")}, vip=True))
    (change,) = changes.of_space("spa_1")
    assert (change.version, change.only) == (2, None)


def test_who_has_a_value_of_which_something_was_cut_is_in_a_list_until_nothing_is_cut_any_more() -> None:
    whole, shorter = _profile(1, orders=3, vip=True), _profile(2, orders=3, vip=True)
    shorter = replace(shorter, computed={key: one._replace(capped=True) for key, one in shorter.computed.items()})

    def noted(old: Profile | None, new: Profile | None) -> dict[str, bool]:
        changes = Changes()
        changes.add(old, new)
        return {entry.audience: entry.member for entry in changes.memberships.values()}

    assert noted(whole, shorter) == {"id_orders#capped": True, "id_vip#capped": True}
    assert noted(shorter, shorter) == {}
    assert noted(shorter, replace(whole, v=3)) == {"id_orders#capped": False, "id_vip#capped": False}
    gone = {"id_orders#capped": False, "id_vip": False, "id_vip#capped": False}
    assert noted(shorter, _profile(3, into="use_2")) == gone
    assert noted(shorter, None) == gone


def test_nobody_hears_of_profiles_that_were_erased_with_their_space() -> None:
    changes = Changes()
    changes.add(_profile(1, vip=True), None)
    assert changes.erased == {"spa_1"}
    assert len(changes.memberships) == 1, "a profile that is erased by itself leaves its audiences"
    changes.drop({"spa_1"})
    assert not changes.memberships
    assert changes.of_space("spa_1") == []
