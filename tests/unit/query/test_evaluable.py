"""What reads well but cannot be kept true yet is refused when it is saved, by name."""

import pytest

from personas.core.query.checker import check
from personas.core.query.definition import Definition
from personas.core.query.errors import InvalidQuery


@pytest.mark.parametrize(
    ("query", "collection", "names"),
    [
        ("event('A').where(event('B').count() >= 1).count() >= 1", "users", "a funnel"),
        ("event('A').where(NOT (property('p') = trait('t'))).count() >= 1", "users", "a trait inside where"),
        ("event('A').where(property('d').within_last(1 day)).count() >= 1", "users", "within_last.. inside where"),
        ("event('A').expires_after(3 hours).count() >= 1", "users", "a session window"),
        ("event('A').sources(exclude: 'a').count() >= 1", "users", "sources"),
        ("trait('plan') = 'paid' AND ALL NOT event('A').count() >= 1", "accounts", "users of an account"),
    ],
)
def test_what_cannot_be_evaluated_yet_is_refused(query: str, collection: str, names: str) -> None:
    with pytest.raises(InvalidQuery, match=f"{names}.* cannot be evaluated yet"):
        check(Definition("id", "key", "Name", "audience", collection, query, 1))
