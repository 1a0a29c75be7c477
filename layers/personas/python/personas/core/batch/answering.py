"""What the profiles that one is linked with have answered (core/compute/questions.py), as columns of its row.

Here all of them have answered: the batch looks at a moment that is over.

>>> from personas.core.query.tree import AllMembers, AnyMember, Comparison, Literal, Not
>>> said = Comparison(Literal(1), "exists")
>>> heard = Heard()
>>> heard.holds(Asked.of(AnyMember(said)), "?q"), heard.holds(Asked.of(AllMembers(Not(said))), "?q")
('q.y0 > 0', '(q.linked > 0 AND q.y0 = 0)')
>>> heard.columns("p")
", p.linked, (SELECT coalesce(sum(yes), 0) FROM answers a WHERE a.p = p.p AND a.question = '?q') AS y0"
"""

from personas.core.batch import sql
from personas.core.compute.questions import Asked


class Heard:
    """Collects what is asked for; `columns` are right once all has been asked."""

    def __init__(self) -> None:
        self._columns: dict[str, str] = {}

    def some(self, question: str, alias: str = "q.") -> str:
        return f"{alias}{self._yes(question)} > 0"

    def holds(self, asked: Asked, question: str, alias: str = "q.") -> str:
        yes, linked = alias + self._yes(question), f"{alias}linked"
        if asked.every:
            return f"({linked} > 0 AND {yes} = {'0' if asked.no else linked})"
        return f"{yes} < {linked}" if asked.no else f"{yes} > 0"

    def columns(self, people: str) -> str:
        """Of the table `people` by this alias: how many it is linked with, and how many of these say yes to what."""
        if not self._columns:
            return ""
        counted = "(SELECT coalesce(sum(yes), 0) FROM answers a WHERE a.p = {0}.p AND a.question = {1})"
        yes = [f"{counted.format(people, sql.text(question))} AS {name}" for question, name in self._columns.items()]
        return ", ".join(["", f"{people}.linked", *yes])

    def _yes(self, question: str) -> str:
        return self._columns.setdefault(question, f"y{len(self._columns)}")
