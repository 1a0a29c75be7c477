"""Calls of a few people, known and unknown, whose values and moments often meet."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from personas.core.moments import DAY, HOUR, MINUTE, iso


@dataclass(frozen=True, slots=True)
class Call:
    body: dict[str, Any]
    name: dict[str, str]
    ago: int = 0
    """Ms: negative for what is late, positive for what is dated in the future."""
    edge: int | None = None
    """Ms beside the full hour in which it falls; None: wherever it is."""
    date: tuple[str, int | None] | None = None
    """A trait that is a date, and when that is, in ms from now; None: it is taken away."""

    def at(self, now: int) -> tuple[dict[str, Any], int]:
        """The body and the moment of the call."""
        moment = now + self.ago
        body = {**self.body, **self.name}
        if self.date:
            key, due = self.date
            body["traits"] = {**body["traits"], key: iso(now + due) if due is not None else None}
        return body, moment if self.edge is None else moment // HOUR * HOUR + self.edge


anonymous, known = st.sampled_from(["a1", "a2", "a3", "a4"]), st.sampled_from(["u1", "u2", "u3"])
by_anonymous = st.fixed_dictionaries({"anonymousId": anonymous})
by_both = st.fixed_dictionaries({"anonymousId": anonymous, "userId": known})
names = st.one_of(by_anonymous, by_anonymous, st.fixed_dictionaries({"userId": known}), by_both)
prices = st.sampled_from([0, 1, 2, 3, 2.5, 0.1, "3", None, True])
items = st.sampled_from(["tea", "cup", "tea", 7, True, None, ["tea", "cup"]])
agos = st.one_of(
    st.integers(0, 240).map(lambda minutes: -minutes * MINUTE),
    st.sampled_from([0, 0, 30 * MINUTE, 3 * HOUR, 2 * DAY, -DAY, -2 * DAY, -DAY - HOUR, -3 * DAY]),
)
edges = st.sampled_from([None, None, None, 0, -1, 1])
dues = st.sampled_from([None, -2 * DAY, -DAY, 0, DAY, 2 * DAY, 3 * DAY])


def track(name: str, **properties: Any) -> st.SearchStrategy[dict[str, Any]]:
    body = {"type": st.just("track"), "event": st.just(name)}
    return st.fixed_dictionaries({**body, "properties": st.fixed_dictionaries(properties)})


def saying(kind: str, **traits: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(kind), "traits": st.fixed_dictionaries({}, optional=traits)})


orders = track("Order", price=prices, item=items)
views = track("Visit") | st.just({"type": "page", "name": "Home"})
persons = saying(
    "identify",
    plan=st.sampled_from(["pro", "free", None]),
    score=prices,
    email=st.sampled_from(["e1@x", "e2@x", "e3@x"]),
)
companies = st.builds(
    lambda said, group: {**said, "groupId": group},
    saying("group", size=st.integers(0, 4)),
    st.sampled_from(["g1", "g2"]),
)
signing_in = st.sampled_from([{"type": "identify"}, {"type": "identify"}, {"type": "alias", "previousId": "a1"}])
joining = st.builds(Call, companies, names, agos, date=st.none() | st.tuples(st.just("contract"), dues))
calls = st.one_of(
    st.builds(Call, orders, names, agos, edges),
    st.builds(Call, orders, names, agos, edges),
    st.builds(Call, views, names, agos, edges),
    st.builds(Call, persons, names, agos, date=st.none() | st.tuples(st.just("renews"), dues)),
    joining,
    joining,
    st.builds(Call, signing_in, by_both),
)
