"""What reads well but cannot be kept true yet is refused when it is saved, by name."""

import pytest

from personas.core.query.checker import check
from personas.core.query.definition import Definition
from personas.core.query.errors import InvalidQuery


@pytest.mark.parametrize(
    "query", ["trait('plan') = 'paid' AND ALL NOT event('A').count() >= 1", "ANY (trait('role') = 'admin')"]
)
def test_what_cannot_be_evaluated_yet_is_refused(query: str) -> None:
    with pytest.raises(InvalidQuery, match="over the users of an account cannot be evaluated yet"):
        check(Definition("id", "key", "Name", "audience", "accounts", query, 1))
