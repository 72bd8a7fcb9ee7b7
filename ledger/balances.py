"""Reading balances and the value of batches, now or as of any instant. Nothing here writes."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Case, F, Q, QuerySet, Subquery, Sum, When
from django.db.models.functions import Coalesce

from ledger.models import BatchSum, LedgerAccount, Transfer

Purpose = LedgerAccount.Purpose


def balance(account: LedgerAccount, as_of: dt.datetime | None = None) -> int:
    """The balance in minor units: a customer's stored one, else the sum of its transfers (up to ``as_of``)."""
    if as_of is None and account.balance is not None:
        return LedgerAccount.objects.values_list("balance", flat=True).get(pk=account.pk) or 0
    if account.purpose == Purpose.OUTSTANDING and account.batch_number is not None:
        values = {value.asset_id: value.outstanding for value in batch_value(account.batch_number, as_of)}
        return values.get(account.asset_id, 0)
    transfers = transfers_of(account, as_of)
    signed = Case(When(credit_account=account, then=F("amount")), default=-F("amount"))
    return transfers.aggregate(total=Coalesce(Sum(signed), 0))["total"]


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
