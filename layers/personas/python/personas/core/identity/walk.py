"""From the profile that claimed an identifier to the profile that has it now: along merges, and around by unmerges.

An unmerge changes no mapping, as mappings are remembered for long. It notes on the root what leaves it and to whom, so
that all who pass there are sent on; and whoever does not know of it yet holds an older version of that root, with which
nothing can be written.

Invariant: a root is believed to be the end of the way only if it lists the profile that the way began at: that one may
have been restored since, and what is remembered of it be out of date.

>>> roots = {root.id: root for root in (Root("use_a", 1, merged=("use_b",)), Root("use_b", 2, merged_into="use_a"))}
>>> walk(roots.get, "use_b", None).id
'use_a'
>>> email = Identifier("email", "a@b.c")
>>> roots |= {"use_a": Root("use_a", 1, 5, left={email.digest: "use_c"}), "use_c": Root("use_c", 3)}
>>> walk(roots.get, "use_a", email).id, walk(roots.get, "use_b", None)
('use_c', Lost(profiles=('use_b', 'use_a')))
"""

from collections.abc import Callable
from dataclasses import dataclass

from personas.core.identifier import Identifier
from personas.core.identity.root import Root


@dataclass(frozen=True, slots=True)
class Lost:
    """The way ends: these roots are not known, or do not fit each other, and are to be read (again)."""

    profiles: tuple[str, ...]


def walk(root_of: Callable[[str], Root | None], profile: str, identifier: Identifier | None) -> Root | Lost:
    """`identifier`: the one that led to the profile; None where the question is about the profile itself."""
    entry = profile
    passed: list[str] = []
    while profile not in passed:
        passed.append(profile)
        root = root_of(profile)
        if root is None:
            return Lost((profile,))
        sent_on = root.left.get(identifier.digest) if identifier and root.left else None
        if sent_on:
            entry = profile = sent_on
        elif entry in root.left:
            profile = root.left[entry]
        elif root.merged_into:
            profile = root.merged_into
        elif entry == root.id or entry in root.merged:
            return root
        else:
            break
    return Lost(tuple(passed))
