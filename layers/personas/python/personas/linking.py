"""Tell users and accounts what those that they are linked with answer, by what was committed to the profiles table.

A user's accounts are told after each write that changes what it answers; an account's users, page after page, after a
write that changes what the account answers; and a user that an account has just come to know, at once. Envelopes carry
versions, and the newest counts, so that all of this may be done again, late, or in any order.
"""

from collections.abc import Iterable

from personas import profiles_stream
from personas.core.envelope import LinkEnvelope
from personas.core.profile.linking import is_to_be_told, told, version_of
from personas.core.profile.profile import Profile
from personas.stores import links, profiles, spaces
from personas.stores.links import Begun

Write = tuple[Profile | None, Profile | None]
"""A profile before and after it was written."""


def tell(writes: Iterable[Write], begun: Iterable[Begun]) -> None:
    """Idempotent. Of deleted spaces, whose profiles are removed one by one, nobody hears."""
    said: dict[tuple[str, str, str], LinkEnvelope] = {}
    turned: dict[tuple[str, str], Profile] = {}
    erased: set[str] = set()
    for old, new in writes:
        if new is None and old is not None:
            erased.add(old.space)
        if new is not None and is_to_be_told(old, new):
            turned[new.space, new.id] = new
        for envelope in told(old, new):
            said[envelope.space, envelope.profile, envelope.other] = envelope
    gone = erased - spaces.heads(erased).keys()
    _send(envelope for envelope in said.values() if envelope.space not in gone)
    _greet(begun)
    for account in turned.values():
        for users, _ in links.pages(account.space, account.id):
            _send(_answer(account, user) for user in users)


def _greet(begun: Iterable[Begun]) -> None:
    """The account is read after the link was written: of what it answers later, the user is told with all others."""
    users: dict[tuple[str, str], list[str]] = {}
    for link in begun:
        users.setdefault((link.space, link.account), []).append(link.user)
    if users:
        accounts = [stored.profile for stored in profiles.read_profiles(users).values()]
        said = [account for account in accounts if account.answers]
        _send(_answer(account, user) for account in said for user in users[account.space, account.id])


def _send(envelopes: Iterable[LinkEnvelope]) -> None:
    if found := list(envelopes):
        profiles_stream.send(found)


def _answer(account: Profile, user: str) -> LinkEnvelope:
    return LinkEnvelope(account.space, user, account.id, version_of(account), dict(account.answers))
