"""An identifier is a (collection, type, value) that leads to one profile, such as `users user_id u1`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Identifier:
    type: str
    value: str
    collection: str = "users"
    """`users` or `accounts`."""

    def to_data(self) -> list[str]:
        return [self.type, self.value, self.collection]

    @classmethod
    def of_data(cls, data: list[str]) -> "Identifier":
        return cls(*data)
