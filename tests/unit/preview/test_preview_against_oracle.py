"""A preview shows who the obvious lines say, and who the definition has once it is saved and its past is folded."""

from dataclasses import replace
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from personas import preview_values
from personas.core.preview.preview import Overlap
from personas.core.profile.profile import Profile
from personas.core.query.definition import Definition
from tests.unit.preview.asking import compact, members, previewed
from tests.unit.profile.plane import Clock, Plane, installed
from tests.unit.profile.test_once import ACCOUNTS, Life, steps
from tests.unit.profile.world import START, definition

AUDIENCES = (
    (definition("anew", "event('Order').count() >= 2", "audience"), lambda orders, now: len(_by(orders, now)) >= 2),
    (definition("nobody", "NOT (event('Order').count() >= 1)", "audience"), lambda orders, now: not _by(orders, now)),
    (
        definition("dear", "event('Order').where(property('price') >= 3).within(2 hours).count() >= 1", "audience"),
        lambda orders, now: any(e.properties["price"] >= 3 and _recent(e, now) for e in orders),
    ),
)
HOUR = 3_600_000


def _by(orders: list[Any], now: int) -> list[Any]:
    return [event for event in orders if event.at <= now]


def _recent(event: Any, now: int) -> bool:
    return bool(now // HOUR * HOUR - 2 * HOUR <= event.at <= now)


REFERRING = (
    definition("refers", "trait('orders') >= 2 AND NOT trait('spree') = true", "audience"),
    definition("refers_too", "trait('buyers') = false OR trait('t1') >= 2", "audience"),
    definition("of_busy", "trait('busy') = 'true' AND event('Order').count() >= 1", "audience"),
    definition("funnel", "event('Order').where(property('price') >= trait('orders')).count() >= 1", "audience"),
)
TRAITS = (
    definition("much", "event('Order').sum(property('price'))"),
    definition("prices", "event('Order').unique(property('price'))"),
    definition("often", "event('Order').mode(property('price') as number, 1)"),
)
OF_ACCOUNTS = (
    definition("acc_busy", "event('Order').count() >= 2", "audience", collection="accounts"),
    definition(
        "acc_big", "trait('size') >= 2 OR event('Order').within(4 hours).count() >= 3", "audience", 1, "accounts"
    ),
    definition("acc_any", "ANY (event('Order').within(4 hours).count() >= 2)", "audience", 1, "accounts"),
    definition("acc_all", "ALL (trait('orders') >= 1 OR trait('busy') = 'true')", "audience", 1, "accounts"),
    definition("acc_none", "event('Order').count() >= 1 AND ALL NOT trait('spree') = true", "audience", 1, "accounts"),
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, min_size=30, max_size=70), st.sampled_from([1, 1, 4, 16]), st.booleans(), st.booleans())
def test_the_members_are_the_oracles_and_those_after_saving(
    history: list[tuple[Any, ...]], shards: int, in_sql: bool, compacted: bool
) -> None:
    plane, clock = Plane(), Clock(START)
    with installed(plane, clock), patch.object(preview_values, "FEWEST_ROWS", 1 if in_sql else 1_000_000):
        life = Previewed(plane, clock)
        for name, *arguments in history:
            getattr(life, name)(*arguments)
        if compacted:
            compact(life.world)
        life.world.send(*life.waiting)
        life.waiting = []
        life.world.settle()
        life.world.recompute()
        life.world.settle()
        life.check_previews(shards)


class Previewed(Life):
    def check_previews(self, shards: int) -> None:
        world = self.world
        good = [(one, event) for one, event, _ in self.sent if isinstance(event.traits, dict)]
        roots = sorted({world.root(one) for one, _ in good})
        before = dict(self.plane.tables["profiles_table"])
        for wanted, holds in AUDIENCES:
            orders = {root: [e for one, e in good if world.root(one) == root and e.name == "Order"] for root in roots}
            oracle = {root for root in roots if holds(orders[root], world.clock.ms)}
            assert members(previewed(world, wanted, shards=shards)) == oracle, wanted.key
        found = {one.key: previewed(world, one, shards=shards) for one in (*REFERRING, *TRAITS, *OF_ACCOUNTS)}
        overlap = previewed(world, AUDIENCES[0][0], overlap=Overlap("id_buyers", "buyers"), shards=shards)["overlap"]
        assert self.plane.tables["profiles_table"] == before, "no profile is touched"
        world.save(*(replace(one, name=one.key) for one, _ in AUDIENCES), *REFERRING, *TRAITS, *OF_ACCOUNTS)
        world.backfill()
        world.settle()
        stored = {root: world.stored(root) for root in (*roots, *ACCOUNTS)}
        kept = {root: profile for root, profile in stored.items() if profile is not None}
        for one in (*REFERRING, *OF_ACCOUNTS):
            assert members(found[one.key]) == _members(kept, one), one.key
        for one in TRAITS:
            assert _values(found[one.key]) == {
                root: profile.computed[one.key].value for root, profile in kept.items() if one.key in profile.computed
            }
        buyers = {root for root, profile in kept.items() if _holds(profile, "buyers")}
        anew = {root for root, profile in kept.items() if _holds(profile, "anew")}
        assert overlap["size"]["count"] == len(buyers)
        assert overlap["count"] == len(buyers & anew)


def _members(kept: dict[str, Profile], wanted: Definition) -> set[str]:
    return {root for root, profile in kept.items() if _holds(profile, wanted.key)}


def _holds(profile: Profile, key: str) -> bool:
    return key in profile.computed and profile.computed[key].value is True


def _values(result: dict[str, Any]) -> dict[str, Any]:
    assert len(result["results"]) == result["size"]["count"]
    return {shown["id"]: shown["value"] for shown in result["results"]}
