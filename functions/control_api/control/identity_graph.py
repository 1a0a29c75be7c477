"""Why: the facts that made a profile what it is, and why two identifiers are one profile or are not."""

from typing import Any

from control import edge, profiles, unmerges
from personas.clock import now_ms
from personas.core.errors import InvalidInput, NotFound
from personas.core.identifier import Identifier
from personas.core.identity.explanation import Explanation, Reason, in_words, name
from personas.core.identity.explanation import explain as explanation_of
from personas.core.identity.fact import Fact
from personas.core.identity.merge import Merge
from personas.core.identity.story import Link
from personas.core.moments import iso
from personas.http import Answer, Request
from personas.stores import graph_facts, identity_rules


def show(request: Request, space: str, profile: str) -> Answer:  # noqa: ARG001 - all handlers take the request
    """Merges that an unmerge took back are not listed as such, but under `unmerges`."""
    owner = edge.space_of(space).id
    story = graph_facts.story(owner, profile)
    if story is None:
        raise NotFound(f"space {space!r} has no profile {profile!r}")
    owners = graph_facts.owners(owner, [fact.identifier for fact in story.asides])
    return edge.data(
        graph={
            "profileId": story.root.id,
            "createdAt": iso(story.root.created),
            "mergedProfileIds": list(story.root.merged),
            "identifiers": [_gained(fact) for fact in story.gained],
            "merges": [_merge(merge) for merge in story.merges],
            "unmerges": [unmerges.shown(one) for one in unmerges.of_profile(owner, story.root.id)],
            "setAside": [{**_fact(fact), "belongsTo": owners.get(fact.identifier)} for fact in story.asides],
            "setAsideComplete": story.complete,
        }
    )


def explain(request: Request, space: str) -> Answer:
    owner = edge.space_of(space).id
    collection = profiles.collection_of(request)
    one, other = (identifier_of(request, field, collection) for field in ("a", "b"))
    owners = graph_facts.owners(owner, [one, other])
    of_one, of_other = (
        graph_facts.story(owner, owners[mine], beside=[theirs]) if mine in owners else None
        for mine, theirs in ((one, other), (other, one))
    )
    explanation = explanation_of(identity_rules.current(owner), one, other, of_one, of_other, now_ms())
    sides = {
        side: {**_identifier(identifier), "profileId": owners.get(identifier)}
        for side, identifier in (("a", one), ("b", other))
    }
    return edge.data(explanation={**sides, **_explained(explanation)})


def identifier_of(request: Request, field: str, collection: str) -> Identifier:
    """`type:value` in the query string. Raises InvalidInput."""
    kind, colon, value = request.query.get(field, "").partition(":")
    if not (colon and kind and value):
        raise InvalidInput(f"{field} must be type:value, such as user_id:u1", field)
    return Identifier(kind, value, collection)


def _explained(explanation: Explanation) -> dict[str, Any]:
    return {
        "together": explanation.together,
        "summary": explanation.summary,
        "steps": list(explanation.steps),
        "links": [_link(link) for link in explanation.links],
        "reasons": [_reason(reason) for reason in explanation.reasons],
    }


def _link(link: Link) -> dict[str, Any]:
    return {
        "kind": link.kind,
        "from": _identifier(link.one),
        "to": _identifier(link.other),
        "event": link.event,
        "messageId": link.message_id,
        "sourceId": link.source_id,
        "at": iso(link.at),
        "rule": link.rule,
        "words": in_words(link),
    }


def _reason(reason: Reason) -> dict[str, Any]:
    return {
        "kind": reason.kind,
        "identifier": _identifier(reason.identifier) if reason.identifier else None,
        "rule": reason.rule,
        "fact": _fact(reason.fact) if reason.fact else None,
        "words": reason.words,
    }


def _gained(fact: Fact) -> dict[str, Any]:
    """The profile's as the Profile Explorer shows it, with how it came."""
    how = {"profileId": fact.profile, "event": fact.event, "rule": fact.rule, "via": _identifier(fact.via)}
    return {**profiles.identifier_shown(fact.seen), **how}


def _fact(fact: Fact) -> dict[str, Any]:
    seen = fact.seen
    return {
        **(_identifier(fact.identifier) or {}),
        "event": fact.event,
        "messageId": seen.first_message_id,
        "sourceId": seen.source_id,
        "at": iso(seen.created_at),
        "rule": fact.rule,
        "via": _identifier(fact.via),
    }


def _merge(merge: Merge) -> dict[str, Any]:
    bridge = f"{name(merge.via)} and {name(merge.identifier)}" if merge.via else name(merge.identifier)
    words = (
        f"{merge.loser} became part of {merge.survivor} over {bridge}, by the {merge.event} call {merge.message_id}."
    )
    return {**profiles.merge_shown(merge), "event": merge.event, "via": _identifier(merge.via), "words": words}


def _identifier(one: Identifier | None) -> dict[str, str] | None:
    return {"type": one.type, "value": one.value, "collection": one.collection} if one else None
