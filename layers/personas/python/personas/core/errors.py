"""The one root of every error that Personas raises on purpose.

`retryable` says whether the same call may succeed later without anybody changing anything; what is not retryable is
never retried, it is answered or put with the dead letters. Names of subclasses say what happened.
"""


class PersonasError(Exception):
    """Something that Personas noticed itself. The message is for a person and names the field and the fix."""

    retryable = False


class InvalidInput(PersonasError):
    """The caller sent something that can never be accepted as it is."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class NotFound(PersonasError):
    """What the caller named does not exist (or is in a space that the caller may not see)."""


class Unauthenticated(PersonasError):
    """The caller did not prove who they are."""


class Forbidden(PersonasError):
    """The caller is known, and may not do this."""


class Conflict(PersonasError):
    """The request contradicts what is stored, for instance a name that is taken."""


class TooLarge(PersonasError):
    """The request is larger than the limit that the message names."""


class Unavailable(PersonasError):
    """A service behind us refused for now."""

    retryable = True
