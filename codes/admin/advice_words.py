"""How the desk tells what became of an advice, when it happened, and how long things took."""

import datetime as dt
from typing import Any

from accounts.admin.wording import NOTHING, instant
from codes.models import Advice, PendingAdvice

Outcome = Advice.Outcome

WAITING, PARKED = "Waiting", "Parked"
COLOURS = {
    WAITING: "info",
    Outcome.REDEEMED.label: "success",
    Outcome.RECORDED.label: "success",
    Outcome.FAILED.label: "danger",
    PARKED: "danger",
    **{
        outcome.label: "warning"
        for outcome in Outcome
        if outcome not in (Outcome.REDEEMED, Outcome.RECORDED, Outcome.FAILED)
    },
}
SAID = {
    "": "It has not been judged yet.",
    Outcome.REDEEMED: "The code was flagged as used.",
    Outcome.RECORDED: "The code is shared: a use was counted.",
    Outcome.ALREADY_USED: "The code had no use left.",
    Outcome.UNKNOWN_TEXT: "The site has no such code.",
    Outcome.INVALID_TEXT: "No text was sent, or none that can be a code.",
    Outcome.WRONG_VENUE: "The code is for other venues.",
    Outcome.EXPIRED: "The code had expired when it was redeemed.",
    Outcome.NOT_YET_VALID: "The code was not valid yet when it was redeemed.",
    Outcome.DISABLED: "The code or its batch is switched off.",
    Outcome.INVALID_DATE: "The date could not be read, or lies in the future.",
    Outcome.INVALID_OFFSET: "The offset from UTC could not be read.",
    Outcome.FAILED: "It could not be judged.",
}


def work_of(advice: Advice) -> PendingAdvice | None:
    """The work it still is; read with it."""
    return getattr(advice, "pending", None)


def is_parked(advice: Advice) -> bool:
    work = work_of(advice)
    return work is not None and work.parked_at is not None


def outcome_shown(advice: Advice) -> str:
    if is_parked(advice):
        return PARKED
    return advice.get_outcome_display() if advice.outcome else WAITING


def said(advice: Advice) -> str:
    if is_parked(advice):
        return "It could not be judged in eight tries and waits for staff."
    return SAID.get(advice.outcome, advice.outcome.replace("_", " ").capitalize())


def offset_shown(minutes: int | None) -> str:
    """−10:30; without one +00:00, as it is judged."""
    hours, rest = divmod(abs(minutes or 0), 60)
    return f"{'-' if (minutes or 0) < 0 else '+'}{hours:02d}:{rest:02d}"


def local_time(advice: Advice) -> str:
    """When it was redeemed on the venue's clocks."""
    moment = advice.happened_at or advice.received_at
    try:
        there = moment.astimezone(dt.timezone(dt.timedelta(minutes=advice.offset_minutes or 0)))
    except OverflowError:  # In the first and last hours of the calendar.
        return NOTHING
    return f"{there:%Y-%m-%d %H:%M:%S} ({offset_shown(advice.offset_minutes)})"


def notes(advice: Advice) -> str:
    """What was not given, or could not be read."""
    told = []
    if advice.happened_at is None:
        unread = "no date was read" if advice.problem else "no date was given"
        told.append(f"{unread}: the time of receipt stands for it")
    if advice.offset_minutes is None:
        unread = "no offset was read" if advice.problem else "no offset was given"
        told.append(f"{unread}: +00:00 stands for it")
    return "; ".join(told).capitalize() or NOTHING


def span(seconds: float) -> str:
    """A stretch of time in the unit that suits it."""
    size = abs(seconds)
    if size < 1:
        return f"{size * 1_000:.0f} ms"
    for most, unit, length in ((10, "", 0), (120, "s", 1), (7_200, "min", 60), (172_800, "h", 3_600)):
        if size < most:
            return f"{size:.1f} s" if not length else f"{size / length:.0f} {unit}"
    return f"{size / 86_400:,.0f} days"


def delay(advice: Advice) -> str:
    """From when it happened until it was received; a till's clock may be ahead of ours."""
    if advice.happened_at is None:
        return NOTHING
    seconds = (advice.received_at - advice.happened_at).total_seconds()
    return span(seconds) if seconds >= 0 else f"{span(seconds)} ahead"


def judged_in(advice: Advice) -> str:
    """From when it was received; of what was parked nothing, for it was not judged."""
    if advice.decided_at is None or advice.outcome == Outcome.FAILED:
        return NOTHING
    return span(max(0.0, (advice.decided_at - advice.received_at).total_seconds()))


def work_shown(advice: Advice) -> dict[str, Any] | None:
    """The work that it still is, for its page."""
    work = work_of(advice)
    if work is None:
        return None
    return {
        "tries": work.tries,
        "parked": instant(work.parked_at) if work.parked_at else "",
        "due": instant(work.due_at),
        "leased": work.leased,
        "error": work.error,
    }
