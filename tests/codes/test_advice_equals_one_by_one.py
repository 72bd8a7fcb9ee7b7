"""Reports drained in one list, in several or one by one come to the same; in another order or twice, to the same totals."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.db.models import Count, Sum
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Client, Site
from codes import expiring, issuing, switching
from codes.advice import accepting, draining
from codes.lookup import shown
from codes.models import Advice, AdviceTally, Attempt, Batch, Code, PendingAdvice
from codes.models.terms import UNLIMITED_USES
from codes.redemption import engine
from ledger.models import Transfer
from tests.advice import HAPPENED, make_venue, report_of
from tests.breaking import undone
from tests.codes.conftest import NOON, at_noon
from tests.codes.redeeming import assert_sound
from tests.factories import make_batch, make_client, make_site, new_batch
from tests.scenes import scene

pytestmark = pytest.mark.django_db

SEEDS = st.integers(0, 2**40)
DAY = dt.timedelta(days=1)
UNIQUE = [
    "ONE-0001",
    "ONE-0002",
    "ONE-0003",
    "LATE-0001",
    "SOON-0001",
    "SWEPT-0001",
    "VENUE-0001",
    "TAGS-0001",
    "OFF-0001",
]
SHARED = ["BURGER", "PIZZA-3", "CAP-1", "CAP-2", "SALAD-VENUE"]
UNKNOWN = ["NOPE-0001", "€", "", "A" * 255]
VENUES = {"921": (10, "921"), "922": (10, "922"), "": None}


@dataclass(frozen=True)
class Said:
    """A report in names."""

    till: str
    text: str | None
    venue: str = "921"
    happened_at: dt.datetime | None = HAPPENED
    problem: str = ""
    type: str = "NFC"


class Shop:
    """Two sites with the same codes, and the tills that report on them: two of the first, one of the other."""

    def __init__(self) -> None:
        self.site, self.other = make_site(), make_site()
        self.codes: dict[int, str] = {}
        for site in (self.site, self.other):
            make_venue(site), make_venue(site, "922")
            self.issue(site)
        names = {"first": self.site, "second": self.site, "foreign": self.other}
        self.tills = {name: make_client(site, ["advise"], name=name).client for name, site in names.items()}

    def issue(self, site: Site) -> None:
        def issue(*texts: str, worth: int = 500, **fields: Any) -> Batch:
            batch = issuing.issue_supplied(new_batch(site, worth_cents=worth, name=texts[0], **fields), texts)
            self.codes |= {code.pk: f"{site.slug} {shown(code)}" for code in batch.codes.all()}
            return batch

        issue("ONE-0001", "ONE-0002", "ONE-0003")
        issue("LATE-0001", valid_until=HAPPENED + DAY)
        issue("SWEPT-0001", valid_until=HAPPENED + 2 * DAY)
        expiring.sweep_expired()
        issue("SOON-0001", valid_from=HAPPENED + DAY)
        issue("VENUE-0001", venues=["921"])
        issue("TAGS-0001", worth=0, parameters={"tags": ["vip"]})
        off = issue("OFF-0001").codes.get()
        switching.change_code(off, actor_id="system", state="disabled")
        issue("PIZZA-3", worth=200, uses=3)
        issue("CAP-1", "CAP-2", uses=2, total_cap=3)
        issue("SALAD-VENUE", worth=0, uses=50, venues=["922"])
        issue("BURGER", worth=0, uses=9)
        Code.objects.filter(batch__name="BURGER").update(max_uses=UNLIMITED_USES)


def draw(chance: Random) -> Said:
    text: str | None = chance.choice([*UNIQUE, *SHARED, *SHARED, chance.choice(UNKNOWN)])
    said = Said(
        chance.choice(["first", "first", "second", "foreign"]),
        chance.choice([text, text, text.lower(), f" {text} "]) if text else text,
        chance.choice(["921", "921", "922", ""]),
        HAPPENED + chance.choice([0, 0, 0, -1, 1, 3]) * DAY,
        type=chance.choice(["NFC", "", "x" * 50]),
    )
    if chance.random() < 0.1:
        broken = [("invalid_text", None), ("invalid_date", said.text), ("invalid_offset", said.text), ("", said.text)]
        problem, left = chance.choice(broken)
        said = replace(said, text=left, problem=problem, happened_at=None if problem else NOON + DAY)
    return said


def draw_reports(chance: Random, most: int) -> list[Said]:
    """Some of them come again, as they are or from another till."""
    drawn: list[Said] = []
    for _ in range(chance.randint(2, most)):
        again = chance.choice(drawn) if drawn and chance.random() < 0.3 else draw(chance)
        drawn.append(replace(again, till="second") if chance.random() < 0.1 else again)
    return drawn


shop_scene = scene("shop", at_noon(Shop))


@pytest.fixture
def shop(shop_scene, stopped_clock, db) -> Shop:
    return shop_scene()


@pytest.fixture
def come_to(shop, stopped_clock, monkeypatch):
    """What so many reports come to, drained in lists of ``size``; everything is undone again."""

    def come_to(reports: list[Said], size: int) -> dict[str, Any]:
        monkeypatch.setattr(draining, "LIST", size)
        monkeypatch.setattr(draining, "LIST_ON_SQLITE", size)
        stopped_clock.now = NOON
        with undone():
            ids = []
            for said in reports:
                stopped_clock.advance(seconds=1)  # The order in which they came is told by nothing else.
                ids.append(accepting.accept(report(shop.tills[said.till], said)))
            stopped_clock.now = NOON + DAY
            assert draining.drain() == len(reports)
            assert not PendingAdvice.objects.exists()
            assert_sound()
            return {"told": told(ids), "counters": counters(shop), "totals": totals(shop)}

    return come_to


def report(till: Client, said: Said) -> accepting.Report:
    return report_of(
        till, said.text, venue=VENUES[said.venue], happened_at=said.happened_at, problem=said.problem,
        redemption_type=said.type,
    )  # fmt: skip


def told(ids: list[Any]) -> list[dict[str, Any]]:
    """What became of each, without the numbers in which two runs differ: receipts are told by their order."""
    advices = Advice.objects.select_related("attempt").in_bulk(ids)
    receipts = sorted(a.attempt.receipt_number for a in advices.values() if a.attempt and a.attempt.receipt_number)
    place = {number: rank for rank, number in enumerate(receipts)}
    found = []
    for advice in (advices[each] for each in ids):
        attempt = advice.attempt
        assert attempt is not None
        assert attempt.pk == advice.pk
        found.append(
            {
                "outcome": (advice.outcome, advice.decided_at, attempt.outcome, attempt.reason, attempt.step),
                "checks": attempt.checks,
                "result": attempt.result,
                "numbers": (attempt.use_number, attempt.uses_left, place.get(attempt.receipt_number or 0)),
                "earlier": place.get(attempt.earlier_receipt or 0),
                "code": attempt.code_id,
                "where": (attempt.venue_id, attempt.channel, attempt.caller, attempt.happened_at),
                "booked": attempt.ledger_transaction_id is not None,
            }
        )
    return found


def counters(shop: Shop) -> dict[str, Any]:
    codes = Code.objects.filter(pk__in=shop.codes)
    tallies = AdviceTally.objects.values_list("site_id", "minute", "outcome").annotate(n=Sum("count"))
    return {
        "codes": {
            shop.codes[row[0]]: row[1:]
            for row in codes.values_list("pk", "state", "uses", "redemptions", "last_redeemed_at", "last_actor_id")
        },
        "tallies": sorted(tallies),
        **totals(shop),
    }


def totals(shop: Shop) -> dict[str, Any]:
    """What does not depend on the order: how much was used of each batch, and where its value is."""
    moved = Transfer.objects.values_list(
        "transaction__type", "debit_account__purpose", "credit_account__purpose", "batch_number"
    )
    batches = Batch.objects.order_by("pk").annotate(uses=Sum("codes__uses"), redemptions=Sum("codes__redemptions"))
    return {
        "batches": list(batches.values_list("pk", "uses_in_force", "uses", "redemptions")),
        "moved": sorted(moved.order_by().annotate(total=Sum("amount"), count=Count("id")), key=repr),
        "done": sorted(
            Attempt.objects.filter(outcome="redeemed").values_list("batch_id").annotate(n=Count("id")), key=repr
        ),
    }


def test_in_one_list_in_several_or_one_by_one(come_to):
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(SEEDS)
    def holds(seed):
        reports = draw_reports(Random(seed), 18)
        one_by_one = come_to(reports, 1)
        for size in (1_000, 5):
            listed = come_to(reports, size)
            for number, (left, right) in enumerate(zip(listed["told"], one_by_one["told"], strict=True)):
                assert left == right, f"report {number} in lists of {size}"
            assert listed == one_by_one

    holds()


def test_lists_of_256_are_judged_as_one(come_to):
    reports = draw_reports(Random(7), 301)[:300]
    while len(reports) < 300:
        reports += reports[: 300 - len(reports)]

    assert come_to(reports, 256) == come_to(reports, 1_000)


def test_in_another_order_only_which_is_surplus_differs(come_to):
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(SEEDS)
    def holds(seed):
        chance = Random(seed)
        reports = draw_reports(chance, 18)
        shuffled = chance.sample(reports, len(reports))
        assert come_to(reports, 1_000)["totals"] == come_to(shuffled, chance.choice([1_000, 5]))["totals"]

    holds()


def test_what_is_sent_twice_takes_nothing_twice(come_to):
    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(SEEDS)
    def holds(seed):
        chance = Random(seed)
        reports = [each for each in draw_reports(chance, 18) if (each.text or "").strip().upper() not in SHARED]
        twice = [*reports, *chance.sample(reports, len(reports))]
        before, after = come_to(reports, 1_000), come_to(twice, chance.choice([1_000, 5]))
        assert before["totals"] == after["totals"]
        assert before["counters"]["codes"] == after["counters"]["codes"]
        assert before["told"] == after["told"][: len(reports)]

    holds()


def test_every_outcome_comes_up(come_to):
    """Or the properties above would prove little."""
    chance = Random(11)
    found = come_to([draw(chance) for _ in range(400)], 1_000)["told"]

    outcomes = Counter(each["outcome"][0] for each in found)

    assert set(outcomes) == set(Advice.Outcome) - {Advice.Outcome.FAILED}


def test_a_list_of_everything_is_settled_without_being_taken_apart(come_to, monkeypatch):
    sizes = []
    judge_all = engine._redeem_together

    def counted(cases, how, inbox=None):
        sizes.append(len(cases))
        return judge_all(cases, how, inbox)

    monkeypatch.setattr(engine, "_redeem_together", counted)
    chance = Random(3)
    come_to([draw(chance) for _ in range(60)], 1_000)

    assert set(sizes) == {60}
    assert len(sizes) <= 2  # Once more only because batches with caps are locked first.


@pytest.mark.parametrize("fields", [{"worth_cents": 500}, {"worth_cents": 0}, {"worth_cents": 500, "total_cap": 900}])
def test_the_number_of_statements_does_not_grow_with_the_list(stopped_clock, fields):
    counted = []
    for length in (6, 90):
        site = make_site()
        make_venue(site)
        till = make_client(site, ["advise"]).client
        for code in make_batch(site, count=length, **fields).codes.all():
            accepting.accept(report_of(till, shown(code), venue=(10, "921")))
        stopped_clock.advance(seconds=1)
        with CaptureQueriesContext(connection) as made:
            draining.work(draining.inbox.claim(1_000))
        assert Advice.objects.filter(site=site, outcome="redeemed").count() == length
        counted.append(len([each for each in made if "SAVEPOINT" not in each["sql"]]))

    assert counted[0] == counted[1] <= 24, counted
