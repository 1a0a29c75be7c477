"""A query that cannot be accepted, with the place and what would have been right there."""

from personas.core.errors import InvalidInput


class InvalidQuery(InvalidInput):
    """The query is wrong at (line, column), both from 1."""

    def __init__(
        self,
        reason: str,
        line: int = 1,
        column: int = 1,
        expected: tuple[str, ...] = (),
        suggestion: str | None = None,
    ) -> None:
        sentences = [f"line {line}, column {column}: {reason}"]
        if expected:
            sentences.append(f"expected {' or '.join(expected)}")
        if suggestion:
            sentences.append(f"did you mean {suggestion}?")
        super().__init__("; ".join(sentences), "definition.query")
        self.reason = reason
        self.line = line
        self.column = column
        self.expected = expected
        self.suggestion = suggestion
        self.definition: str | None = None
        """The key of the definition, where several are checked at once."""
