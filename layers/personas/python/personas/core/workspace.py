"""What a workspace is made of: spaces, their sources and access tokens, and the head that says what is current.

Secrets are never part of these: an access token is known by the hash of its secret, which only the store sees.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from personas.core.errors import InvalidInput

MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class Space:
    """A separate world: its profiles, definitions and tokens are never seen from another."""

    id: str
    slug: str
    name: str
    created: int
    """In ms."""

    def to_data(self) -> dict[str, Any]:
        return {"id": self.id, "slug": self.slug, "name": self.name, "created": self.created}


@dataclass(frozen=True, slots=True)
class Head:
    """Which versions of a space's settings are current. A space without a head does not exist (any more)."""

    definitions: int = 0
    rules: int = 0
    barrier: int = 0
    """The newest version of the definitions that every lane was told of: behind `definitions`, it is to be sent."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where events come from. A write key is no secret (it is in every web page), but it is all that a sender shows."""

    id: str
    space: str
    name: str
    write_keys: tuple[str, ...]
    created: int
    enabled: bool = True
    labels: tuple[dict[str, str], ...] = ()

    def to_data(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "space": self.space,
            "name": self.name,
            "write_keys": list(self.write_keys),
            "created": self.created,
            "enabled": self.enabled,
            "labels": list(self.labels),
        }

    @classmethod
    def of_data(cls, data: dict[str, Any]) -> "Source":
        return cls(**{**data, "write_keys": tuple(data["write_keys"]), "labels": tuple(data["labels"])})


@dataclass(frozen=True, slots=True)
class AccessToken:
    """Lets its holder read the profiles of one space."""

    id: str
    space: str
    name: str
    created: int
    fingerprint: str
    """The hash of the secret (see `fingerprint_of`)."""

    def to_data(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "space": self.space,
            "name": self.name,
            "created": self.created,
            "fingerprint": self.fingerprint,
        }


def fingerprint_of(secret: str) -> str:
    """What is stored of a secret of 256 random bits: such a secret needs no salt and no slow hash.

    >>> len(fingerprint_of("anything"))
    64
    """
    return sha256(secret.encode()).hexdigest()


def slug_of(name: str) -> str:
    """The slug that a name suggests; empty where the name has neither letters nor digits.

    >>> slug_of("My Shop (EU)")
    'my-shop-eu'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:80]


def checked_slug(slug: str) -> str:
    """Raises InvalidInput where it could not stand in a path, or could be taken for the id of a space."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,78}[a-z0-9])?", slug):
        raise InvalidInput("slug takes lower-case letters, digits and inner hyphens, at most 80 characters", "slug")
    return slug


def checked_name(name: str) -> str:
    """Raises InvalidInput where it is blank or too long."""
    if not name.strip() or len(name) > MAX_NAME:
        raise InvalidInput(f"name must have 1 to {MAX_NAME} characters", "name")
    return name.strip()


def new_id(kind: str, token: Callable[[int], str]) -> str:
    """An id such as `spa_` and 22 characters; `token` gives url-safe text for a number of random bytes.

    >>> new_id("spa", lambda size: "x" * 22)
    'spa_xxxxxxxxxxxxxxxxxxxxxx'
    """
    return f"{kind}_{token(16)}"
