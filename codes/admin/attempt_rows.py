"""An attempt as a line of a table, wherever attempts are listed."""

from typing import Any

from accounts.admin.wording import instant, link
from codes.admin.words import reason_said
from codes.models import Attempt

# Digests and sealed text: no page of the desk has any use for them.
ATTEMPT_NEVER_READ = ("typed", "lookup", "fingerprint")


def said(attempt: Attempt) -> str:
    """What became of it, in words."""
    if attempt.outcome == Attempt.Outcome.REFUSED:
        return reason_said(attempt.reason)
    return f"Redeemed, {attempt.receipt_id}"


def attempt_row(attempt: Attempt) -> dict[str, Any]:
    return {
        "when": link(attempt, instant(attempt.decided_at)),
        "redeemed": attempt.outcome == Attempt.Outcome.REDEEMED,
        "said": said(attempt),
        "reversed": getattr(attempt, "reversal", None) is not None,
        "claimant": link(attempt.claimant) if attempt.claimant else attempt.claimant_given or "–",
        "door": attempt.door,
    }
