"""Reading balances and the value of batches, now or as of any instant. Nothing here writes."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Case, F, Q, QuerySet, Sum, When
from django.db.models.functions import Coalesce

from ledger.models import LedgerAccount, Transfer

Purpose = LedgerAccount.Purpose


def balance(account: LedgerAccount, as_of: dt.datetime | None = None) -> int:
    """The balance in minor units: a customer's stored one, else the sum of its transfers (up to ``as_of``)."""
    if as_of is None and account.balance is not None:
        return LedgerAccount.objects.values_list("balance", flat=True).get(pk=account.pk) or 0
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
    """The value of one batch per asset. Redeemed is what claimants and venues got and have not given back."""
    transfers = Transfer.objects.filter(batch_number=batch_number)
    if as_of:
        transfers = transfers.filter(booked_at__lte=as_of)
    moved = transfers.values(
        "debit_account__asset_id", source=F("debit_account__purpose"), target=F("credit_account__purpose")
    ).annotate(total=Sum("amount"))
    # A customer's account has no purpose; what is there, and what went to venues (external), is redeemed.
    names = {"": "redeemed", Purpose.EXTERNAL: "redeemed", Purpose.FUNDING: "funding"}
    sums: dict[int, dict[str, int]] = {}
    for row in moved.order_by():
        asset = sums.setdefault(row["debit_account__asset_id"], {})
        for purpose, sign in ((str(row["target"]), 1), (str(row["source"]), -1)):
            name = names.get(purpose, purpose)
            asset[name] = asset.get(name, 0) + sign * row["total"]
    return [BatchValue(asset_id, issued=-asset.pop("funding", 0), **asset) for asset_id, asset in sorted(sums.items())]
