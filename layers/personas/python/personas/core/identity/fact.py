"""A fact about one identifier and one profile: that the profile gained it, or that it was set aside for the profile.

Invariant: facts are only ever added. With `via` they keep the thread that an event drew, so that it can be followed
from any identifier of a profile to any other, and drawn again under other rules.
"""

from dataclasses import dataclass

from personas.core.identifier import Identifier
from personas.core.identity.external_id import ExternalId

LONGEST_NAME = 255
"""Characters of an event's name that are kept with what it changed."""

ASIDE_DAYS = 90
"""How long it is remembered that an identifier was set aside: a shared device brings new ones every day."""


@dataclass(frozen=True, slots=True)
class Fact:
    profile: str
    """As it was called then: it may have merged into another since."""
    seen: ExternalId
    event: str
    """The type of the call that brought it, such as `identify`."""
    rule: str
    """The rule that it passed, or would have broken, in words."""
    via: Identifier | None = None
    """The identifier of the same event that led it to the profile; None where the event made the profile."""
    version: int = 0
    """The root's, with the fact: it orders what happened within one millisecond."""
    breaker: Identifier | None = None
    """The identifier at which the rule would have broken, where this one was set aside because it ranks below that."""
    holder: str | None = None
    """Of what was set aside: the profile that the identifier at which the rule would have broken led to; empty where it
    led to none. None where nothing was set aside, or this is not recorded."""
    holder_version: int = 0
    """Of that profile's root, as the decision saw it."""
    event_at: int = 0
    """When the event happened by its own timestamp, in ms."""
    event_name: str | None = None
    """The name by which definitions know the event, cut to `LONGEST_NAME`."""

    @property
    def identifier(self) -> Identifier:
        return self.seen.identifier
