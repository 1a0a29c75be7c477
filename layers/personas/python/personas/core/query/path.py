r"""A path leads into a JSON object: `.` walks into objects, `$` takes each entry of an array, `\.` is a literal dot.

>>> Path.of("product.sizes.$").steps
('product', 'sizes', None)
>>> Path.of(r"utm\.source").steps
('utm.source',)
>>> str(Path(("a.b", None, "$")))
'a\\.b.$.\\$'
"""

from dataclasses import dataclass

EACH = None
"""The step that takes each entry of an array."""


@dataclass(frozen=True, slots=True)
class Path:
    steps: tuple[str | None, ...]

    @classmethod
    def of(cls, text: str) -> "Path":
        """Raises ValueError where a step is empty."""
        steps: list[str | None] = []
        step, escaped = "", False
        rest = iter([*text, "."])
        for char in rest:
            if char == "\\":
                following = next(rest)
                escaped = True
                step += following if following in ".$\\" else char + following
            elif char == ".":
                if not step:
                    raise ValueError("a path has no empty steps")
                steps.append(EACH if step == "$" and not escaped else step)
                step, escaped = "", False
            else:
                step += char
        if step:
            raise ValueError("a path does not end in a backslash")
        if steps[0] is EACH:
            raise ValueError("a path does not begin with $")
        return cls(tuple(steps))

    @property
    def many(self) -> bool:
        """Whether it can lead to several values."""
        return EACH in self.steps

    def __str__(self) -> str:
        return ".".join("$" if step is EACH else _escape(step) for step in self.steps)


def _escape(step: str) -> str:
    escaped = step.replace("\\", "\\\\").replace(".", "\\.")
    return "\\$" if escaped == "$" else escaped
