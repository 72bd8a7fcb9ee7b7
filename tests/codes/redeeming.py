"""How the tests ask the engine, and what they look at afterwards."""

from typing import Any
from uuid import UUID

from accounts import invariants
from accounts.callers import Caller
from accounts.client_keys import NewKey
from accounts.models import Licence, Site, User, UserTag
from codes.models import Attempt, Batch, Code, ReceiptMail, Reversal, WorkItem
from codes.redemption.commands import Outcome, RedeemCode
from codes.redemption.engine import redeem_codes
from ledger.balances import BatchValue, batch_value
from ledger.models import LedgerAccount, LedgerTransaction, Transfer
from tests.breaking import violated
from tests.factories import caller_of


def ask(
    who: User | NewKey | Caller, code: str = "ABC-E6W5F", claimant: User | str | None = None, **fields: Any
) -> RedeemCode:
    """The command of ``who`` to redeem ``code`` for ``claimant``, or for themselves."""
    if claimant is None:
        assert isinstance(who, User), "Only a person redeems for themselves."
        claimant = who
    return RedeemCode(
        caller=who if isinstance(who, Caller) else caller_of(who),
        code=code,
        claimant_id=claimant.claimant_id if isinstance(claimant, User) else claimant,
        **fields,
    )


def redeem(
    who: User | NewKey | Caller, code: str = "ABC-E6W5F", claimant: User | str | None = None, **fields: Any
) -> Outcome:
    """What becomes of it; a refusal is an answer here, not an exception."""
    return redeem_codes([ask(who, code, claimant, **fields)])[0]


def reason_of(outcome: Outcome) -> str:
    """The reason it was refused for, or "redeemed"."""
    return outcome.refusal.reason if outcome.refusal else "redeemed"


def attempt(outcome: Outcome) -> Attempt:
    """The attempt as it rests in the database."""
    return Attempt.objects.get(pk=outcome.attempt.pk)


def cash(user: User) -> int:
    """The minor units on the user's cash account."""
    return LedgerAccount.objects.values_list("balance", flat=True).get(owner=user, kind="cash") or 0


def value_of(batch: Batch | int) -> BatchValue:
    """Where the value of the batch's codes is; of a batch of one asset."""
    found = batch_value(batch.pk if isinstance(batch, Batch) else batch)
    assert len(found) == 1, "One asset was expected."
    return found[0]


def spread(batch: Batch | int) -> tuple[int, int, int, int, int]:
    """Issued, outstanding, redeemed, expired and voided value, in minor units; the books balance."""
    value = value_of(batch)
    assert value.issued == value.outstanding + value.redeemed + value.expired + value.voided
    return value.issued, value.outstanding, value.redeemed, value.expired, value.voided


def holdings(site: Site) -> dict[str, Any]:
    """Everything of a site that a redemption changes, the attempts aside: equal before and after a refusal."""
    return {
        "codes": list(
            Code.objects.filter(site=site)
            .order_by("id")
            .values_list("id", "state", "uses", "redemptions", "last_redeemed_at", "last_actor_id", "value_expired_at")
        ),
        "batches": list(Batch.objects.filter(site=site).order_by("id").values_list("id", "state", "uses_in_force")),
        "balances": list(
            LedgerAccount.objects.filter(site=site, owner__isnull=False).order_by("id").values_list("id", "balance")
        ),
        "transactions": LedgerTransaction.objects.filter(site=site).count(),
        "transfers": Transfer.objects.filter(transaction__site=site).count(),
        "tags": list(UserTag.objects.filter(user__site=site).order_by("id").values_list("user_id", "tag_id")),
        "licences": list(
            Licence.objects.filter(site=site)
            .order_by("id")
            .values_list("id", "item_id", "user_id", "browser_id", "ended_at")
        ),
        "work items": list(WorkItem.objects.filter(site=site).order_by("id").values_list("id", "state")),
        "mails": ReceiptMail.objects.filter(attempt__site=site).count(),
        "reversals": Reversal.objects.filter(site=site).count(),
    }


def assert_sound() -> None:
    """Everything holds that ``manage.py check_invariants`` proves."""
    assert violated(invariants.listed()) == {}


def unknown_id() -> UUID:
    """An ID that nothing has."""
    return UUID(int=0)
