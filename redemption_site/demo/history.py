"""What happened before the demonstration began, so that its lists and figures are not empty."""

import contextlib
import datetime as dt

from accounts import clock
from accounts.callers import caller_for_user
from accounts.refusals import Refusal
from codes.assigning import AssignCode, assign
from codes.lookup import shown
from codes.models import Attempt, Batch, Code
from codes.redemption.commands import RedeemCode
from codes.redemption.engine import redeem_code
from ledger import cash_accounts
from ledger.models import LedgerAccount, LedgerTransaction
from redemption_site.demo.people import ACTOR, People

REDEEMED_FROM = ("Summer vouchers", "Loyalty points", "Gold members", "Free cappuccino")
HANDED_OUT_FROM = ("Summer vouchers", "Free cappuccino")
REFUSED_FROM = ("Example: expired yesterday", "Example: switched off", "Example: starts tomorrow")


def hand_out(people: People) -> None:
    """Give the claimant that people sign in as codes of their own, once."""
    claimant = people.claimants["u-1001"]
    caller = caller_for_user(claimant, people.site)
    for name in HANDED_OUT_FROM:
        batch = Batch.objects.get(site=people.site, name=name)
        assign(AssignCode(caller=caller, batch_id=batch.pk, claimant_id=claimant.claimant_id))


def promise_bonus(people: People) -> None:
    """Book something on the account of the claimant that people sign in as that counts in a week only, once."""
    account = LedgerAccount.objects.select_related("asset").get(owner=people.claimants["u-1001"], kind="cash")
    if not account.suspended_bookings.exists():
        cash_accounts.perform(
            account,
            LedgerTransaction.Type.GRANT,
            250,
            comment="A bonus for staying with us",
            actor_id=ACTOR,
            due_at=clock.read() + dt.timedelta(days=7),
        )


def load_history(people: People) -> None:
    """Let one claimant redeem a code of every kind and be refused a few, once."""
    claimant = people.claimants["u-2002"]
    if Attempt.objects.filter(claimant=claimant).exists():
        return
    caller = caller_for_user(claimant, people.site)
    for name in (*REDEEMED_FROM, *REFUSED_FROM):
        code = Code.objects.filter(batch=Batch.objects.get(site=people.site, name=name)).order_by("serial")[0]
        with contextlib.suppress(Refusal):
            redeem_code(RedeemCode(caller=caller, code=shown(code), claimant_id=claimant.claimant_id, door="page"))
