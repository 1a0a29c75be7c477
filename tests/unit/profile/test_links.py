"""What an account asks of its users, and users of their accounts: kept live, whatever happens on the way."""

from personas.core.envelope import LinkEnvelope
from personas.core.moments import DAY, HOUR
from personas.core.profile.linking import end_of
from personas.core.query.definition import Definition
from personas.stores import links
from tests.unit.profile.world import World, definition

FINISHED = "event('Finished').count() >= 1"


def of_accounts(name: str, query: str) -> Definition:
    return definition(name, query, "audience", collection="accounts")


ANY, ALL = of_accounts("any", f"ANY ({FINISHED})"), of_accounts("all", f"ALL ({FINISHED})")
NONE, NOT_ANY = of_accounts("none", f"ALL NOT {FINISHED}"), of_accounts("not_any", f"NOT ANY ({FINISHED})")
ANY_NOT = of_accounts("any_not", f"ANY (NOT ({FINISHED}))")
EVERY = (ANY, ALL, NONE, NOT_ANY, ANY_NOT)


def join(world: World, user: str, account: str = "acc_1", message_id: str = "", **traits: object) -> None:
    body = {"type": "group", "groupId": f"of {account}", "traits": traits}
    world.send(world.resolved(user, world.event(message_id or f"{user} joins {account}", body), account))


def finish(world: World, user: str, message_id: str = "f", at: int | None = None) -> None:
    world.send(world.resolved(user, world.event(f"{message_id} {user}", {"type": "track", "event": "Finished"}, at)))


def held(world: World, profile: str = "acc_1") -> set[str]:
    stored, now = world.computed(profile, World.stored), world.computed(profile)
    assert stored == now
    return {key for key, value in stored.items() if value is True}


def test_any_all_and_none_follow_the_users(world: World) -> None:
    world.define(*EVERY)
    join(world, "use_a")
    join(world, "use_b")
    world.settle()
    assert held(world) == {"none", "not_any", "any_not"}
    finish(world, "use_a")
    world.settle()
    assert held(world) == {"any", "any_not"}
    finish(world, "use_b")
    world.settle()
    assert held(world) == {"any", "all"}
    join(world, "use_c")
    world.settle()
    assert held(world) == {"any", "any_not"}


def test_opposites_are_one_question(world: World) -> None:
    world.define(*EVERY)
    assert len(world.definitions(1).asked_of_members) == 1


def test_an_account_that_knows_of_no_user_meets_neither_any_nor_all(world: World) -> None:
    world.define(*EVERY)
    world.settle()
    join(world, "use_a", plan="pro")
    world.deliver(list(world.plane.lanes), 500)
    world.deliver(list(world.plane.lanes), 500)
    assert world.stored("acc_1") is not None
    assert held(world) == {"not_any"}


def test_it_becomes_true_by_time_alone(world: World) -> None:
    query = "trait('plan') = 'paid' AND ALL NOT event('Finished').within(60 days).count() >= 1"
    world.define(of_accounts("inactive", query))
    join(world, "use_a", plan="paid")
    join(world, "use_b")
    finish(world, "use_b")
    world.settle()
    assert held(world) == set()
    world.clock.ms += 61 * DAY
    world.recompute()
    world.settle()
    assert held(world) == {"inactive"}


def test_one_who_merges_is_never_counted_twice_nor_missed(world: World) -> None:
    world.define(*EVERY)
    join(world, "use_a")
    join(world, "use_b")
    finish(world, "use_b")
    world.settle()
    images = len(world.plane.images)
    world.send(world.merge("use_b", "use_a"))
    world.settle()
    assert held(world) == {"any", "all"}
    assert linked(world, "acc_1") == ["use_a"]
    of_account = [new for _, new in world.plane.images[images:] if new["pk"]["S"].endswith("acc_1")]
    assert len(of_account) <= 2, "any never turns in between"


def linked(world: World, account: str) -> list[str]:
    return [user for users, _ in links.pages(world.space, account) for user in users]


def test_what_comes_late_of_one_who_has_merged_is_nothing(world: World) -> None:
    world.define(*EVERY)
    join(world, "use_a")
    join(world, "use_b")
    world.settle()
    late = world.plane.changed[:]
    world.send(world.merge("use_b", "use_a"))
    world.settle()
    world.plane.changed += late
    world.settle()
    assert linked(world, "acc_1") == ["use_a"]
    world.send(LinkEnvelope(world.space, "acc_1", "use_b", end_of(0) - 1, {}))
    world.settle()
    assert linked(world, "acc_1") == ["use_a"]


def test_a_user_of_the_other_account_brings_it_to_the_merged_one(world: World) -> None:
    world.define(*EVERY)
    join(world, "use_a", "acc_1")
    join(world, "use_b", "acc_2")
    finish(world, "use_b")
    world.settle()
    assert (held(world, "acc_1"), held(world, "acc_2")) == ({"none", "not_any", "any_not"}, {"any", "all"})
    world.send(world.merge("use_b", "use_a"))
    world.settle()
    assert (held(world, "acc_1"), held(world, "acc_2")) == ({"any", "all"}, {"any", "all"})
    assert linked(world, "acc_2") == ["use_a"]


def test_an_account_definition_covers_the_past_and_waits_for_all_its_users(world: World) -> None:
    join(world, "use_a")
    join(world, "use_b")
    finish(world, "use_a")
    finish(world, "use_b", at=world.clock.ms - 3 * HOUR)
    finish(world, "use_c")
    world.settle()
    join(world, "use_c")
    world.save(*EVERY, definition("finished", "event('Finished').count()", collection="accounts"))
    world.settle()
    world.backfill()
    world.settle()
    assert held(world) == {"any", "all"}
    assert world.computed("acc_1")["finished"] == 3
    for key in ("none", "not_any", "any_not"):
        assert key not in world.computed("acc_1"), "it was never a member, not even while the answers came in"


def test_a_user_follows_the_audience_of_its_account(world: World) -> None:
    software = of_accounts("software", "trait('industry') = 'Software'")
    admins = definition("admins", "trait('role') = 'admin' AND trait('software') = 'true'", "audience")
    others = definition("others", "NOT (trait('software') = 'true')", "audience")
    world.define(software, admins, others)
    for user, role in (("use_a", "admin"), ("use_b", "viewer")):
        world.send(world.resolved(user, world.event(f"i {user}", {"type": "identify", "traits": {"role": role}})))
        join(world, user, industry="Software")
    world.settle()
    assert (held(world, "use_a"), held(world, "use_b"), held(world)) == ({"admins"}, set(), {"software"})
    join(world, "use_c")
    world.settle()
    assert world.computed("use_c") == {}, "it waited for what the account would say"
    world.clock.ms += 1
    join(world, "use_a", message_id="moved", industry="Bakery")
    world.settle()
    assert (held(world, "use_a"), held(world, "use_b")) == ({"others"}, {"others"})
    world.clock.ms += 1
    join(world, "use_b", "acc_2", industry="Software")
    world.settle()
    assert (held(world, "use_a"), held(world, "use_b")) == ({"others"}, set())


def test_the_levels_may_refer_to_each_other_and_back(world: World) -> None:
    world.define(
        definition("busy", f"{FINISHED}", "audience"),
        of_accounts("lively", "ANY (trait('busy') = 'true')"),
        definition("in_lively", "trait('lively') = 'true'", "audience"),
        of_accounts("all_in_lively", "ALL (trait('in_lively') = 'true')"),
    )
    join(world, "use_a")
    join(world, "use_b")
    world.settle()
    assert held(world) == set()
    finish(world, "use_a")
    world.settle()
    assert held(world) == {"lively", "all_in_lively"}
    assert (held(world, "use_a"), held(world, "use_b")) == ({"busy", "in_lively"}, {"in_lively"})


def test_an_audience_of_users_that_is_edited_reaches_the_accounts_that_ask_for_it(world: World) -> None:
    world.save(definition("busy", FINISHED, "audience"), of_accounts("lively", "ANY (trait('busy') = 'true')"))
    join(world, "use_a")
    finish(world, "use_a")
    world.settle()
    world.backfill()
    world.settle()
    assert held(world) == {"lively"}
    world.save(definition("busy", "event('Finished').count() >= 2", "audience"))
    world.backfill("run_2")
    world.settle()
    assert held(world) == set()
