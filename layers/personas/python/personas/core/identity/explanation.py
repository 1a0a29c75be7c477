"""Why two identifiers are one profile, or what keeps them apart: in words for people, and as data.

>>> rules = Rules.default()
>>> one, other = Identifier("user_id", "null"), Identifier("email", "a@b.c")
>>> [reason.words for reason in explain(rules, one, other, None, None, now=0).reasons]
['user_id null is a blocked value: it leads to no profile.', 'No profile has email a@b.c.']
"""

from collections.abc import Iterator
from dataclasses import dataclass

from personas.core.identifier import Identifier
from personas.core.identity.fact import Fact
from personas.core.identity.resolver import APART, resolve
from personas.core.identity.rules import Rules
from personas.core.identity.story import ADDED, HELD, NEW, Link, Story
from personas.core.moments import iso

BLOCKED, UNKNOWN, SET_ASIDE, NEVER_TOGETHER = "blocked", "unknown", "set_aside", "never_together"
LIMIT, UNMERGED, NOTHING = "limit", "unmerged", "nothing"
"""What would happen to an event that carries both: a limit, or an unmerge, would keep them apart, or nothing would."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that keeps two identifiers apart."""

    kind: str
    words: str
    identifier: Identifier | None = None
    """Which of the two, or what was set aside."""
    rule: str | None = None
    fact: Fact | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    summary: str
    together: bool
    links: tuple[Link, ...] = ()
    """From the one to the other where they are one profile."""
    reasons: tuple[Reason, ...] = ()
    """Where they are not."""

    @property
    def steps(self) -> tuple[str, ...]:
        return tuple(map(in_words, self.links)) or tuple(reason.words for reason in self.reasons)


def explain(
    rules: Rules, one: Identifier, other: Identifier, of_one: Story | None, of_other: Story | None, now: int
) -> Explanation:
    """The stories are those of the profiles that have the identifiers, if any has."""
    if of_one and of_other and of_one.root.id == of_other.root.id:
        if one == other:
            return Explanation(f"Both are {name(one)}, of profile {of_one.root.id}.", True)
        summary = f"{name(one)} and {name(other)} are one profile, {of_one.root.id}."
        return Explanation(summary, True, links=of_one.chain(one, other))
    reasons = [*_without_profile(rules, one, of_one), *_without_profile(rules, other, of_other)]
    reasons += _set_aside(of_one, other, of_other)
    reasons += _set_aside(of_other, one, of_one)
    if of_one and of_other:
        reasons += _would_happen(rules, {one: of_one, other: of_other}, now, met=bool(reasons))
    return Explanation(f"{name(one)} and {name(other)} are not one profile.", False, reasons=tuple(reasons))


def name(identifier: Identifier) -> str:
    return f"{identifier.type} {identifier.value}"


def in_words(link: Link) -> str:
    if link.kind == HELD:
        return f"The profile holds {name(link.one)} and {name(link.other)}; which events linked them is not recorded."
    event = call_in_words(link.event, link.message_id, link.source_id, link.at)
    together = f"{event} carried {name(link.one)} and {name(link.other)}"
    match link.kind:
        case kind if kind == NEW:
            return f"{together}; no profile had either, so it made one with both."
        case kind if kind == ADDED:
            return f"{together}; one profile had the one, so it gained the other (rule {link.rule})."
    return f"{together}; each led to a profile of its own, and these merged (rule {link.rule})."


def call_in_words(kind: str, message_id: str, source_id: str, at: int) -> str:
    return f"On {iso(at)} the {kind} call {message_id} of source {source_id}"


def _without_profile(rules: Rules, identifier: Identifier, story: Story | None) -> Iterator[Reason]:
    if rules.blocks(identifier):
        still = "it leads nowhere from now on" if story else "it leads to no profile"
        yield Reason(BLOCKED, f"{name(identifier)} is a blocked value: {still}.", identifier)
    elif story is None:
        yield Reason(UNKNOWN, f"No profile has {name(identifier)}.", identifier)


def _set_aside(mine: Story | None, wanted: Identifier, theirs: Story | None) -> Iterator[Reason]:
    """Events of one profile that carried the other's identifiers and were not let merge."""
    others = theirs.identifiers() | {wanted} if theirs else {wanted}
    for fact in mine.asides if mine else ():
        if fact.identifier in others:
            beside = f" with {name(fact.via)}" if fact.via else ""
            carried = f"{event_in_words(fact)} carried {name(fact.identifier)}{beside}"
            words = f"{carried}; it was set aside, because of the rule {fact.rule}."
            yield Reason(SET_ASIDE, words, fact.identifier, fact.rule, fact)


def _would_happen(rules: Rules, stories: dict[Identifier, Story], now: int, *, met: bool) -> Iterator[Reason]:
    """What the rules say now of an event that carries both."""
    ranked = sorted((one for one in stories if not rules.blocks(one)), key=lambda one: rules.rank(one.type))
    if len(ranked) < 2:
        return
    if not met:
        yield Reason(NEVER_TOGETHER, "No recorded event carried identifiers of both profiles.")
    decision = resolve(rules, ranked, {one: story.root for one, story in stories.items()}, now)
    for aside in decision.aside:
        would = f"An event that carries both now sets {name(aside.identifier)} aside, because of the rule {aside.rule}."
        if aside.rule == APART:
            yield Reason(UNMERGED, f"An unmerge took their profiles apart. {would}", aside.identifier, aside.rule)
        else:
            yield Reason(LIMIT, would, aside.identifier, aside.rule)
    if not decision.aside:
        yield Reason(NOTHING, "An event that carries both now merges them.")


def event_in_words(fact: Fact) -> str:
    seen = fact.seen
    return call_in_words(fact.event, seen.first_message_id, seen.source_id, seen.created_at)
