"""An external id is an identifier as a profile shows it: with where and when it was first seen."""

from dataclasses import dataclass

from personas.core.identifier import Identifier

ENCODING = "none"
"""The only encoding that Segment documents for `context.externalIds`."""


@dataclass(frozen=True, slots=True)
class ExternalId:
    type: str
    id: str
    collection: str
    """`users` or `accounts`."""
    source_id: str
    created_at: int
    """When the profile gained it, in ms."""
    first_message_id: str
    encoding: str = ENCODING

    @property
    def identifier(self) -> Identifier:
        return Identifier(self.type, self.id, self.collection)
