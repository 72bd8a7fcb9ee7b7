"""The root of the one tree of refusals, and the refusals about people and callers.

A refusal is an expected "no" with a stable reason; it knows nothing of HTTP. Everything else that is raised is a bug.
The tree goes on in ``ledger/refusals.py`` and ``codes/refusals.py``; each protocol has a total table from classes to
words.
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Self


class Refusal(Exception):
    """An expected no. ``step`` is the step of the redemption flow whose rule refused (1 to 11)."""

    reason: ClassVar[str] = ""
    step: ClassVar[int] = 1
    retryable: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.reason = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def __init__(self, *, retry_after_seconds: int | None = None, receipt_number: int | None = None) -> None:
        super().__init__(self.reason)
        self.retry_after_seconds = retry_after_seconds
        self.receipt_number = receipt_number  # Of the caller's own earlier redemption, never of somebody else's.
        self.outcome: Any = None  # What the engine concluded, for a door that called it for one command.

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Refusal)
            and type(self) is type(other)
            and (self.retry_after_seconds, self.receipt_number) == (other.retry_after_seconds, other.receipt_number)
        )

    def __hash__(self) -> int:
        return hash(type(self))

    @classmethod
    def tree(cls) -> Iterator[type[Self]]:
        """Every refusal that can be raised, this class left out."""
        for child in cls.__subclasses__():
            yield child
            yield from child.tree()


class Unauthenticated(Refusal):
    """No credentials, or none that are valid now."""


class TooManyAttempts(Refusal):
    """The budget of failed attempts is spent until its window ends."""

    retryable = True


class ServiceUnavailable(Refusal):
    """The database cannot be reached."""

    retryable = True


class SignInNeeded(Refusal):
    """What the code does it does for an account, and nobody is signed in."""

    step = 5


class ClaimantUnknown(Refusal):
    """No claimant of this site has that ID."""

    step = 5


class ClaimantInactive(Refusal):
    """The claimant exists and has been switched off."""

    step = 5


class CallerNotAllowed(Refusal):
    """The caller may not act for that claimant."""

    step = 5
