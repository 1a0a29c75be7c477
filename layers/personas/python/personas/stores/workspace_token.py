"""The first workspace token, from Secrets Manager: the one with which everything else is set up."""

from hmac import compare_digest

from personas.aws import client, setting
from personas.clock import now_ms
from personas.core.moments import MINUTE
from personas.core.workspace import fingerprint_of

REMEMBERED = 5 * MINUTE

_known: tuple[int, str] | None = None


def holds(secret: str) -> bool:
    """Whether this is the token. Compared in constant time; a rotated secret is noticed within REMEMBERED ms."""
    return compare_digest(fingerprint_of(secret), _fingerprint())


def _fingerprint() -> str:
    global _known
    now = now_ms()
    if _known is None or not _known[0] <= now < _known[0] + REMEMBERED:
        secret = client("secretsmanager").get_secret_value(SecretId=setting("WORKSPACE_TOKEN_SECRET"))
        _known = (now, fingerprint_of(secret["SecretString"]))
    return _known[1]
