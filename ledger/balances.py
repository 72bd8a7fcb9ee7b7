"""Reading balances and the value of batches, now or as of any instant. Nothing here writes."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Case, F, Q, QuerySet, Subquery, Sum, When
from django.db.models.functions import Coalesce

from accounts import clock, prepared, rows
from accounts.budgets import aware
from ledger import coming_due
from ledger.books import COLUMNS, Standing
from ledger.coming_due import Foreseen, foresee
from ledger.models import BatchSum, LedgerAccount, Transfer

Purpose = LedgerAccount.Purpose


def balance(account: LedgerAccount, as_of: dt.datetime | None = None) -> int:
    """The balance in minor units: a customer's stored one, else the sum of its transfers (up to ``as_of``).

    What has come due counts from its date on, whether somebody has posted it yet or not; none counts before, so an
    ``as_of`` that is still to come is read as now.
    """
    if account.purpose == Purpose.OUTSTANDING and account.batch_number is not None:
        values = {value.asset_id: value.outstanding for value in batch_value(account.batch_number, as_of)}
        return values.get(account.asset_id, 0)
    if as_of is None and account.balance is not None:
        return current([account.pk])[account.pk]
    due = due_on(account, as_of)
    legs = [leg for each in due.outcomes if each.booking for leg in each.booking.legs]
    extra = sum(leg.amount for leg in legs if leg.credit_account_id == account.pk)
    extra -= sum(leg.amount for leg in legs if leg.debit_account_id == account.pk)
    return extra + summed(account, as_of, due.booked_through)


def due_on(account: LedgerAccount, as_of: dt.datetime | None) -> Foreseen:
    """What moves this account as of then or earlier once it is settled, by what is known without a lock."""
    now = clock.read()
    until = min(now, as_of) if as_of else now
    if account.owner_id:
        return foresee(coming_due.read("a.id = %s AND a.due_at <= %s", [account.pk, rows.stored(until)], until), until)
    of_asset = "a.site_id = %s AND a.asset_id = %s AND a.owner_id IS NOT NULL AND a.due_at <= %s"
    params = [account.site_id, account.asset_id, rows.stored(until)]
    return foresee(coming_due.read(of_asset, params, until), until)


def summed(account: LedgerAccount, as_of: dt.datetime | None, booked_through: dict[int, int]) -> int:
    """The sum of the account's transfers, but for those that customers' accounts have had since they were read.

    ``booked_through`` says what those accounts had counted then: what somebody posts meanwhile must not be counted twice.
    """
    transfers = transfers_of(account, as_of)
    if account.owner_id:
        if account.pk in booked_through:
            transfers = transfers.filter(pk__lte=booked_through[account.pk])
        signed = Case(When(credit_account=account, then=F("amount")), default=-F("amount"))
        return int(transfers.aggregate(total=Coalesce(Sum(signed), 0))["total"])
    source, params = rows.as_table(
        (("customer", "bigint"), ("through", "bigint")), list(booked_through.items()) or [(0, 0)]
    )
    until = "AND t.booked_at <= %s" if as_of else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT COALESCE(SUM(CASE WHEN t.credit_account_id = %s THEN t.amount ELSE -t.amount END), 0)
                FROM ledger_transfer t LEFT JOIN {source}
                    ON v.customer = CASE WHEN t.credit_account_id = %s THEN t.debit_account_id ELSE t.credit_account_id END
                WHERE (t.debit_account_id = %s OR t.credit_account_id = %s) AND (v.through IS NULL OR t.id <= v.through) {until}""",  # noqa: S608
            [account.pk, *params, account.pk, account.pk, account.pk, *([rows.stored(as_of)] if as_of else [])],
        )
        return int(cursor.fetchone()[0])


def current(account_ids: Sequence[int]) -> dict[int, int]:
    """Account ID → balance in minor units, now, for customers' accounts; what has come due on them counts already."""
    return {each: standing.balance or 0 for each, standing in standings(account_ids).items()}


def standings(account_ids: Sequence[int]) -> dict[int, Standing]:
    """Account ID → how customers' accounts stand now, without a lock; what has come due on them counts already.

    One statement where nothing waits, three at most. Only of accounts on which something has come due the lots are known.
    """
    wanted, params = rows.one_of("a.id", "bigint", account_ids)
    with prepared.cursor() as cursor:
        cursor.execute(f"SELECT {COLUMNS} FROM ledger_ledgeraccount a WHERE {wanted}", params)  # noqa: S608
        found = {row[0]: Standing(*row) for row in cursor.fetchall()}
    waiting = {each.id: aware(each.due_at) for each in found.values() if each.due_at is not None}
    if waiting:
        now = clock.read()
        if late := [each for each, due_at in waiting.items() if due_at <= now]:
            found |= foresee(coming_due.read_accounts(late, now), now).standings
    return found


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
