"""Reasons, steps and checks in the words of the desk. The table of reasons is total; a test compares it with the tree."""

from typing import Any

from accounts.refusals import Refusal
from codes.actions.registry import ACTIONS
from codes.models import Terms
from ledger.admin.money import money

REASONS = {
    "unauthenticated": "No valid credentials",
    "unsupported_media_type": "Neither JSON nor a form",
    "request_malformed": "The request could not be read",
    "request_too_large": "The request was too large",
    "too_many_attempts": "Too many failed attempts",
    "idempotency_mismatch": "The key was used with another request before",
    "service_unavailable": "The database was away",
    "missing_code": "No code was given",
    "missing_claimant": "No claimant was given",
    "code_format_invalid": "Not readable as a code",
    "field_too_long": "A field was too long",
    "date_invalid": "The reported date could not be read, or lies in the future",
    "offset_invalid": "The reported offset could not be read",
    "code_not_found": "No such code",
    "code_disabled": "The code is switched off",
    "code_not_yet_valid": "The code is not valid yet",
    "code_expired": "The code has expired",
    "code_used_up": "The code is used up",
    "code_reserved": "The code is held by another attempt",
    "sign_in_needed": "Nobody was signed in",
    "claimant_unknown": "No such claimant",
    "claimant_inactive": "The claimant is switched off",
    "caller_not_allowed": "The caller may not act for this claimant",
    "not_entitled": "The code belongs to another claimant",
    "already_redeemed": "This claimant has redeemed it before",
    "claimant_cap_reached": "This claimant has no uses left",
    "campaign_cap_reached": "The batch's cap is reached",
    "venue_not_allowed": "Not valid at this venue",
    "cooldown_active": "Too soon after the last redemption",
    "code_busy": "Someone else is using it right now",
    "account_missing": "The claimant has no account for it",
    "account_locked": "The account is closed",
    "currency_mismatch": "The account is in another currency",
    "insufficient_balance": "The balance is too low",
    "reservation_gone": "The reservation has ended",
    "target_missing": "What the code acts on is gone",
    "offer_gone": "The offer behind the code is gone",
    "no_matching_content": "No item matches the code",
    "too_many_matches": "Too many items match the code",
    "action_failed": "The action failed",
    "action_timeout": "The action took too long",
    "concurrent_change": "It changed while it was being redeemed",
    "audit_write_failed": "It could not be recorded",
    "rollback_incomplete": "It could not be undone wholly",
    "redemption_not_found": "No such redemption",
    "already_reversed": "Reversed before",
    "batch_not_found": "No such batch",
    "batch_not_active": "The batch is not active",
    "no_code_left": "No code of the batch is left",
}

STEPS = {
    1: "Receive",
    2: "Read",
    3: "Look up",
    4: "Status of the code",
    5: "Claimant",
    6: "Rules",
    7: "Reserve",
    8: "Act",
    9: "Mark redeemed",
    10: "Record",
    11: "Undo and tell",
}

CHECKS = {
    "code_given": "A code was given",
    "claimant_given": "A claimant was given",
    "lengths": "No field is too long",
    "readable": "It reads as a code",
    "text_readable": "A text was reported",
    "date_readable": "The reported date could be read",
    "offset_readable": "The reported offset could be read",
    "check_symbol": "The check symbol fits",
    "code_found": "The code is known",
    "switched_on": "Code and batch are switched on",
    "started": "Its validity has started",
    "not_expired": "Its validity has not ended",
    "uses_left": "It has uses left",
    "not_reserved": "Nobody else holds it",
    "signed_in": "Somebody is signed in, where that is needed",
    "not_held": "The browser does not hold what the code gives",
    "claimant_known": "The claimant is known",
    "claimant_active": "The claimant is active",
    "caller_may_act": "The caller may act for the claimant",
    "entitled": "The claimant may use it",
    "claimant_cap": "The claimant has uses left",
    "batch_cap": "The batch's cap leaves room",
    "venue": "The venue is one of its venues",
    "cooldown": "The claimant has waited long enough",
}


def reason_said(reason: str) -> str:
    """A reason in words; an unknown one, of a row that a later release wrote, as it stands."""
    return REASONS.get(reason, reason.replace("_", " ").capitalize())


def refusal_said(refusal: Refusal) -> str:
    """A refusal of a deed, as a sentence above its form."""
    said = {
        "insufficient_balance": "The money has been spent: the balance is too low to take it back.",
        "idempotency_mismatch": "This form was sent before with other values. Open it anew.",
        "already_reversed": "This redemption has been reversed already.",
        "code_busy": "Someone else is changing this code right now. Try again.",
    }
    return f"{said.get(refusal.reason, reason_said(refusal.reason) + '.')} Nothing was changed."


def gives(terms: Terms) -> str:
    """What one use of a code on these terms gives."""
    label = ACTIONS[terms.action].label if terms.action in ACTIONS else terms.action
    what = [money(terms.asset, terms.value)] if terms.asset else []
    for name, value in terms.parameters.items():
        if name == "match":
            what += [f"{part} of {' · '.join(searched)}" for part, searched in value.items()]
        elif name == "access_control":
            what.append(f"offer {value}")
        else:
            what += value if isinstance(value, list) else [str(value)] if name == "item" else [f"{name} {value}"]
    return f"{label}: {', '.join(map(str, what))}" if what else label


def check_rows(checks: Any) -> list[dict[str, Any]]:
    """An attempt's checks in their order, each with the values seen, for a table."""
    rows = []
    for check in checks if isinstance(checks, list) else []:
        name, seen = str(check.get("check", "")), check.get("seen") or {}
        rows.append(
            {
                "step": STEPS.get(check.get("step"), check.get("step")),
                "check": CHECKS.get(name, name.replace("_", " ").capitalize()),
                "passed": bool(check.get("passed")),
                "seen": [(str(key).replace("_", " "), "–" if value is None else value) for key, value in seen.items()],
            }
        )
    return rows


def lasting(seconds: int) -> str:
    """A time to come, no more exactly than anybody knows it."""
    if seconds < 90:
        return f"about {max(1, seconds)} s"
    return f"about {round(seconds / 60)} min" if seconds < 90 * 60 else f"about {round(seconds / 3_600)} h"
