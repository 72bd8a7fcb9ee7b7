"""Refusals and waiting times in words for people: why it was refused, and what to do next."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.refusals import Refusal, TooManyAttempts
from redemption_site.edge.answers import answer_to, retry_after_seconds

# The keys are the flow's, section 4. "sign_in" and "give_claimant" are there for completeness: a page asks for neither.
NEXT_STEPS: dict[str, str | Promise] = {
    "check_account": gettext_lazy("Check that you are signed in with the right account."),
    "check_code": gettext_lazy("Compare it with your voucher, character by character."),
    "choose_venue": gettext_lazy("Redeem it at one of the places named on your voucher."),
    "contact_support": gettext_lazy("Ask whoever gave you the code, and name the reference below."),
    "enter_code": gettext_lazy("Type the code into the field below."),
    "fix_request": gettext_lazy("Check what you typed and send it again."),
    "give_claimant": gettext_lazy("Sign in with the account that the code is for."),
    "none": gettext_lazy("There is nothing that you need to do."),
    "sign_in": gettext_lazy("Sign in and try again."),
    "top_up": gettext_lazy("Top up your account, then try again."),
    "try_again": gettext_lazy("Try again in a moment."),
    "use_new_key": gettext_lazy("Open this page anew and type the code once more."),
    "view_receipt": gettext_lazy("Look at the receipt of your earlier redemption."),
    "wait": gettext_lazy("Wait a while, then try again."),
    "wait_until_start": gettext_lazy("Keep the code and come back when the offer has begun."),
}


@dataclass(frozen=True)
class RefusalWords:
    """A refusal as a person reads it, with the HTTP status that goes with it."""

    status: int
    message: str
    next_steps: list[str]
    retry_after_seconds: int | None
    names_reference: bool  # Whether a next step asks the claimant to name it.


def in_words(refusal: Refusal) -> RefusalWords:
    answer, seconds = answer_to(refusal), retry_after_seconds(refusal)
    # Whoever used the code up themselves needs their receipt, not support.
    keys = ("view_receipt",) if refusal.receipt_number else answer.next_steps
    steps = [str(NEXT_STEPS[key]) for key in keys]
    if isinstance(refusal, TooManyAttempts) and seconds:
        steps = [_("You can try again in %(time)s.") % {"time": waiting_time(seconds)}]
    return RefusalWords(answer.status, _(answer.message), steps, seconds, "contact_support" in keys)


def waiting_time(seconds: int) -> str:
    """Such as "40 seconds" or "12 minutes"; minutes are rounded up, so that nobody comes back too early."""
    if seconds < 60:
        return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
    minutes = -(-seconds // 60)
    return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
