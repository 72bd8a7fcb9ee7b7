"""How often a code may be used, as people and programs are told: a number, or without limit."""

from codes.models.terms import UNLIMITED_USES

WITHOUT_LIMIT = "without limit"


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
    """For lists and pages of staff."""
    return WITHOUT_LIMIT if uses == UNLIMITED_USES else f"{uses:,}"
