"""`profile_traits_updates`: a row for each identify call that sets traits, and for each merge, of the survivor.

A row has the profile's traits as they are after it, a column for each. Traits that were removed are absent from it.
"""

from collections.abc import Iterable, Sequence

from personas.core.event import Event
from personas.core.identity.merge import Merge
from personas.core.profile.custom import CustomTraits, Stamp, set_traits, unite
from personas.core.warehouse.columns import Row, flattened, numbered, row_id


def profile_traits_updates(events: Iterable[tuple[str, Event]], merges: Sequence[Merge]) -> list[Row]:
    """`events` with the profile that folded each; merges of users, undone ones left out."""
    identifies = [(event.received, 0, event.message_id, (profile, event)) for profile, event in events]
    steps: list[tuple[int, int, str, tuple[str, Event] | Merge]] = [
        *(step for step in identifies if step[3][1].type == "identify"),
        *((merge.at, 1, merge.id, merge) for merge in merges),
    ]
    held: dict[str, CustomTraits] = {}
    root: dict[str, str] = {}
    rows = []
    for received, _, key, step in sorted(steps, key=lambda step: step[:3]):
        if isinstance(step, Merge):
            root[step.loser] = step.survivor
            survivor = _current(step.survivor, root)
            lost = held.pop(step.loser, {})
            if not lost:
                continue
            profile, at = survivor, received
            unite(held.setdefault(survivor, {}), lost)
        else:
            profile, at = _current(step[0], root), step[1].at
            if not step[1].traits:
                continue
            set_traits(held.setdefault(profile, {}), step[1].traits, Stamp.of(step[1]))
        traits = {name: trait.value for name, trait in held[profile].items() if trait.value is not None}
        own = {"id": row_id("traits", profile, key), "segment_id": profile, "received_at": received, "timestamp": at}
        rows.append({**flattened(traits), **own})
    return numbered(rows)


def _current(profile: str, root: dict[str, str]) -> str:
    while profile in root:
        profile = root[profile]
    return profile
