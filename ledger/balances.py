"""Reading balances and the value of batches, now or as of any instant. Nothing here writes."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Case, F, Q, QuerySet, Subquery, Sum, When
from django.db.models.functions import Coalesce

from accounts import clock
from ledger import settling
from ledger.models import BatchSum, LedgerAccount, Transfer
from ledger.settling import Verdict

Purpose = LedgerAccount.Purpose


def balance(account: LedgerAccount, as_of: dt.datetime | None = None) -> int:
    """The balance in minor units: a customer's stored one, else the sum of its transfers (up to ``as_of``).

    A suspended booking counts from its date on, whether somebody has posted it yet or not; none counts before, so an
    ``as_of`` that is still to come is read as now.
    """
    if account.purpose == Purpose.OUTSTANDING and account.batch_number is not None:
        values = {value.asset_id: value.outstanding for value in batch_value(account.batch_number, as_of)}
        return values.get(account.asset_id, 0)
    if as_of is None and account.balance is not None:
        return current([account.pk])[account.pk]
    coming = settled_by(account, as_of)
    # Those that somebody posts while this is read are counted as they wait, and not as they are posted.
    transfers = transfers_of(account, as_of).exclude(
        transaction__suspended_booking__in=[each.suspended.pk for each in coming]
    )
    signed = Case(When(credit_account=account, then=F("amount")), default=-F("amount"))
    side = 1 if account.owner_id else -1
    extra = sum(side * each.suspended.amount for each in coming if account.pk in ends_of(each))
    return transfers.aggregate(total=Coalesce(Sum(signed), 0))["total"] + extra


def current(account_ids: Sequence[int]) -> dict[int, int]:
    """Account ID → balance in minor units, now, for customers' accounts; what has come due on them counts already."""
    found = stored(account_ids)
    if all(due_at is None for _, due_at in found.values()):
        return {each: balance for each, (balance, _) in found.items()}
    now = clock.read()
    due = [each for each, (_, due_at) in found.items() if due_at is not None and due_at <= now]
    verdicts = settling.of_accounts(Q(account__in=due), now) if due else []
    before = {each.suspended.account_id: each.suspended.account.balance or 0 for each in verdicts}
    if len(before) < len(due):
        # Somebody has settled the others meanwhile, and nothing more is due on them by ``now``.
        found.update(stored([each for each in due if each not in before]))
    balances = {each: before.get(each, balance) for each, (balance, _) in found.items()}
    for each in verdicts:
        if each.transaction_id:
            balances[each.suspended.account_id] += each.suspended.amount
    return balances


def stored(account_ids: Sequence[int]) -> dict[int, tuple[int, dt.datetime | None]]:
    """Account ID → stored balance, and when something may come due."""
    rows = LedgerAccount.objects.filter(pk__in=account_ids).values_list("pk", "balance", "due_at")
    return {pk: (balance or 0, due_at) for pk, balance, due_at in rows}


def settled_by(account: LedgerAccount, as_of: dt.datetime | None) -> list[Verdict]:
    """What waits and will be posted on this account as of then or earlier, by what is known without a lock."""
    if account.owner_id:
        due_at = stored([account.pk])[account.pk][1]
        if due_at is None or (as_of and as_of < due_at):
            return []
    now = clock.read()
    wanted = Q(account=account) if account.owner_id else Q(system_account=account)
    due = settling.of_accounts(wanted & Q(state="waiting", due_at__lte=now), min(now, as_of) if as_of else now)
    return [each for each in due if each.transaction_id]


def ends_of(verdict: Verdict) -> tuple[int, int]:
    return verdict.suspended.account_id, verdict.suspended.system_account_id


def transfers_of(account: LedgerAccount, as_of: dt.datetime | None = None) -> "QuerySet[Transfer]":
    """The account's transfers, oldest first; ``as_of`` includes what was booked at that very instant."""
    transfers = Transfer.objects.filter(Q(debit_account=account) | Q(credit_account=account)).order_by("id")
    return transfers.filter(booked_at__lte=as_of) if as_of else transfers


@dataclass(frozen=True)
class BatchValue:
    """Where the value of a batch's codes is, in minor units of one asset: issued = the sum of the other four."""

    asset_id: int
    issued: int = 0
    outstanding: int = 0
    redeemed: int = 0
    expired: int = 0
    voided: int = 0


def batch_value(batch_number: int, as_of: dt.datetime | None = None) -> list[BatchValue]:
    """The value of one batch per asset, exact to the instant. Redeemed is what claimants and venues got and have not given back.

    The last sums before it (ledger/summing.py) and the transfers since: few, however many there were.
    """
    summed = last_sums(batch_number, as_of)
    transfers = Transfer.objects.filter(batch_number=batch_number)
    if summed:
        transfers = transfers.filter(booked_at__gt=summed[0].booked_through)
    if as_of:
        transfers = transfers.filter(booked_at__lte=as_of)
    # A customer's account has no purpose; what is there, and what went to venues (external), is redeemed.
    names = {"": "redeemed", Purpose.EXTERNAL: "redeemed", Purpose.FUNDING: "funding"}
    sums: dict[int, dict[str, int]] = {}
    legs = [(row.asset_id, row.source, row.target, row.amount) for row in summed]
    for asset_id, source, target, amount in [*legs, *moved(transfers)]:
        asset = sums.setdefault(asset_id, {})
        for purpose, sign in ((target, 1), (source, -1)):
            name = names.get(purpose, purpose)
            asset[name] = asset.get(name, 0) + sign * amount
    return [BatchValue(asset_id, issued=-asset.pop("funding", 0), **asset) for asset_id, asset in sorted(sums.items())]


def moved(transfers: "QuerySet[Transfer]") -> list[tuple[int, str, str, int]]:
    """(asset ID, purpose it left, purpose it went to, minor units) of these transfers, added up."""
    rows = transfers.order_by().values_list(
        "debit_account__asset_id", "debit_account__purpose", "credit_account__purpose"
    )
    return [(row[0], str(row[1]), str(row[2]), int(row[3])) for row in rows.annotate(total=Sum("amount"))]


def last_sums(batch_number: int, as_of: dt.datetime | None = None) -> list[BatchSum]:
    """The batch's last sums, of ``as_of`` or earlier; none where there are none yet."""
    sums = BatchSum.objects.filter(batch_number=batch_number)
    if as_of:
        sums = sums.filter(booked_through__lte=as_of)
    newest = sums.order_by("-booked_through").values("booked_through")[:1]
    return list(BatchSum.objects.filter(batch_number=batch_number, booked_through=Subquery(newest)))
