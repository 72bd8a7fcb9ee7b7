"""Sums of batches: readings are the same with them and without, now and as of any instant, however they were made."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import clock
from codes import reversing
from codes.redemption.commands import RedeemCode
from codes.redemption.engine import redeem_codes
from codes.switching import change_code
from ledger import summing
from ledger.balances import balance, batch_value
from ledger.models import BatchSum, BatchTally, LedgerAccount, Transfer
from tests.factories import caller_of, make_claimant, make_code, make_site


@pytest.fixture
def busy(db, monkeypatch):
    """A batch with every kind of movement: activation, credits, reversals with and without the use, voiding."""
    monkeypatch.setattr(summing, "WORTH", 1)
    monkeypatch.setattr(summing, "settled_instant", clock.read)
    site = make_site()
    claimant = make_claimant(site)
    code = make_code(site, "BUSY-4567", uses=50, uses_per_claimant=50, worth_cents=100)
    caller = caller_of(claimant)
    attempts = [
        o.attempt for o in redeem_codes([RedeemCode(caller, "BUSY-4567", claimant.claimant_id) for _ in range(6)])
    ]
    for attempt, give_back in zip(attempts, (True, False), strict=False):
        reversing.reverse(reversing.ReverseRedemption(caller, attempt.pk, "x", give_use_back=give_back))
    change_code(code, actor_id="system", max_uses=40)
    return code.batch, caller, claimant


def more(busy, count=3):
    _, caller, claimant = busy
    redeem_codes([RedeemCode(caller, "BUSY-4567", claimant.claimant_id) for _ in range(count)])


def values_at_every_instant(batch):
    instants = {None, *Transfer.objects.filter(batch_number=batch.pk).values_list("booked_at", flat=True)}
    around = {each + dt.timedelta(microseconds=n) for each in instants - {None} for n in (-1, 0, 1)}
    return {each: batch_value(batch.pk, each) for each in {*around, None}}


@pytest.mark.parametrize("most", [1, 2, 3, 1_000])
def test_a_reading_is_the_same_with_sums_and_without_at_any_instant(busy, monkeypatch, most):
    batch = busy[0]
    monkeypatch.setattr(summing, "MOST", most)
    before = values_at_every_instant(batch)

    assert summing.sum_up() >= 1
    assert values_at_every_instant(batch) == before

    more(busy)
    with_some = values_at_every_instant(batch)
    summing.sum_up()
    assert values_at_every_instant(batch) == with_some
    BatchSum.objects.all().delete()
    assert values_at_every_instant(batch) == with_some


def test_the_balance_of_an_outstanding_account_is_what_its_transfers_say(busy):
    batch = busy[0]
    account = LedgerAccount.objects.get(batch_number=batch.pk)
    summing.sum_up()
    more(busy)

    came = sum(Transfer.objects.filter(credit_account=account).values_list("amount", flat=True))
    went = sum(Transfer.objects.filter(debit_account=account).values_list("amount", flat=True))
    assert balance(account) == came - went
    assert balance(account, dt.datetime(2000, 1, 1, tzinfo=dt.UTC)) == 0


def test_a_reading_costs_two_statements_with_sums_and_without(busy):
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            batch_value(busy[0].pk)
        assert len(queries) == 2
        summing.sum_up()


def test_what_was_summed_is_not_summed_again(busy):
    assert summing.sum_up() == 1
    assert summing.sum_up() == 0
    assert BatchTally.objects.get(pk=busy[0].pk).transfers == 0
    more(busy)
    assert summing.sum_up() == 1


def test_a_batch_is_due_by_its_own_transfers_alone(busy, monkeypatch):
    monkeypatch.setattr(summing, "WORTH", 1_000)

    assert summing.sum_up() == 0
    counted = BatchTally.objects.get(pk=busy[0].pk).transfers
    assert counted == Transfer.objects.filter(batch_number=busy[0].pk).count()
    assert not BatchSum.objects.exists()


def test_sums_end_where_somebody_may_still_be_writing(busy, monkeypatch):
    monkeypatch.setattr(summing, "settled_instant", lambda: None)

    assert summing.sum_up() == 0
    assert not BatchSum.objects.exists()


def test_two_sweeps_together_make_the_same_sums(busy):
    through = clock.read()
    summing.tally()
    assert summing.sum_batch(busy[0].pk, through)
    kept = list(BatchSum.objects.values())
    BatchSum.objects.all().delete()
    BatchSum.objects.bulk_create(BatchSum(**row) for row in kept)

    summing.sum_batch(busy[0].pk, through)

    assert list(BatchSum.objects.values()) == kept


@pytest.mark.races
def test_an_instant_is_settled_only_when_whoever_wrote_has_ended(committed_db, monkeypatch):
    if connection.vendor != "postgresql":
        assert summing.settled_instant() is not None
        return
    import psycopg

    monkeypatch.setattr(summing, "PATIENCE_SECONDS", 0.1)
    with psycopg.connect(committed_db.url) as writer:
        writer.execute("SELECT pg_current_xact_id()")
        assert summing.settled_instant() is None
        writer.rollback()
        monkeypatch.setattr(summing, "PATIENCE_SECONDS", 60)  # Other databases of the server have writers too.
        assert summing.settled_instant() is not None
