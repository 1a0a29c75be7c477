"""Access tokens of spaces: listed under the space, found by the hash of their secret. Secrets are never stored."""

from personas import documents, dynamo
from personas.core.workspace import AccessToken, fingerprint_of


def partition(space: str) -> str:
    return f"{space}#tokens"


def secret_partition(fingerprint: str) -> str:
    return f"token#{fingerprint}"


def create(token: AccessToken) -> None:
    """Idempotent for the same token."""
    data = token.to_data()
    puts = [
        documents.item(partition(token.space), token.id, data),
        documents.item(secret_partition(token.fingerprint), "token", data),
    ]
    dynamo.batch_write(documents.table(), puts)


def remove(token: AccessToken) -> None:
    """The secret stops working with the first write. Idempotent."""
    documents.delete(secret_partition(token.fingerprint), "token")
    documents.delete(partition(token.space), token.id)


def get(space: str, token_id: str) -> AccessToken | None:
    data = documents.get(partition(space), token_id)
    return AccessToken(**data) if data else None


def of_space(space: str) -> tuple[AccessToken, ...]:
    return tuple(AccessToken(**data) for data in documents.all_of(partition(space)))


def by_secret(secret: str) -> AccessToken | None:
    """Read on every call, so that a revoked token stops at once. A look-up by hash tells nothing about near misses."""
    data = documents.get(secret_partition(fingerprint_of(secret)), "token")
    return AccessToken(**data) if data else None
