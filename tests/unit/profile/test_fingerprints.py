"""A memory that keeps fingerprints side by side knows what one that keeps them one by one knows."""

from hypothesis import given
from hypothesis import strategies as st

from personas.core.profile.memory import HOURS, Entry, Memory

fingerprints = st.binary(min_size=8, max_size=8) | st.text("ab", min_size=8, max_size=8).map(str.encode)
added = st.tuples(fingerprints, st.integers(0, 80), st.integers(1, 2))


@given(st.lists(added | st.none()), fingerprints, st.integers(72, 160))
def test_what_was_added_is_known_until_it_is_old(
    steps: list[tuple[bytes, int, int] | None], other: bytes, now: int
) -> None:
    """None: it is written, and read again."""
    memory, known = Memory(), dict[bytes, Entry]()
    for step in steps:
        if step is None:
            memory = Memory.of_data(memory.to_data())
        elif not memory.knows(step[0]):
            memory.add(*step)
            known[step[0]] = Entry(*step[1:])
        assert memory.entries == known
    assert memory.knows(other) is (other in known)
    assert all(memory.knows(each) and memory.entry(each) == entry for each, entry in known.items())
    memory.prune(now)
    assert memory.entries == {each: entry for each, entry in known.items() if entry.hour >= now - HOURS}
    assert Memory.of_data(memory.to_data()).entries == memory.entries
