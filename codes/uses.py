"""How often a code may be used, as people and programs are told: a number, or without limit."""

from codes.models.terms import UNLIMITED_USES

WITHOUT_LIMIT = "without limit"
LIMIT_NEEDED = "Codes with value need a limit of uses: their value is issued use by use."
MOST_USES = 10**6  # Of a code that has a limit.


def limit(uses: int) -> int | None:
    """The most uses; None: without limit."""
    return None if uses == UNLIMITED_USES else uses


def stored(uses: int | None) -> int:
    """As terms and codes keep it."""
    return UNLIMITED_USES if uses is None else uses


def left(max_uses: int, uses: int) -> int | None:
    """How many uses are left; None: without limit."""
    return None if max_uses == UNLIMITED_USES else max_uses - uses


def in_words(uses: int) -> str:
    """For lists and pages of staff: uses in all, or those left."""
    return WITHOUT_LIMIT if uses > MOST_USES else f"{uses:,}"


def typed(text: str) -> int:
    """As somebody types it on a command line. Raises ValueError."""
    return UNLIMITED_USES if text == "unlimited" else int(text)
