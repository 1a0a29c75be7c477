"""When a profile came to be and last changed, and by which message and source."""

from personas.core.moments import iso
from personas.http import Answer, Request
from reading import access


def show(request: Request, space: str, collection: str, identifier: str) -> Answer:
    profile = access.profile_of(access.find(request, space, collection, identifier))
    first, last = profile.first, profile.last
    return Answer(
        {
            "metadata": {
                "created_at": iso(profile.created) if profile.created is not None else None,
                "updated_at": iso(profile.updated) if profile.updated is not None else None,
                "expires_at": None,
                "first_message_id": first.message_id if first else None,
                "first_source_id": first.source if first else None,
                "last_message_id": last.message_id if last else None,
                "last_source_id": last.source if last else None,
            }
        }
    )
