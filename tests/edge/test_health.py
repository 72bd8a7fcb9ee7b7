"""/healthz, /readyz and /metrics."""

import datetime as dt

import pytest
from django.core import checks
from django.db import OperationalError, connections
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from accounts import clock, heartbeats, triggers
from accounts.models import Heartbeat
from codes.advice import tallies
from codes.issuing import order_batch
from codes.models import PendingAdvice
from redemption_site.edge import health
from tests.codes.advices import make_advice
from tests.factories import caller_of, make_claimant, make_client, make_code, make_site, new_batch

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "schema", health.Schema())


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object):
        raise OperationalError("connection refused")

    monkeypatch.setattr(type(connections["default"]), "_cursor", fail)


def test_healthz_asks_the_database_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        response = Client().get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_healthz_is_well_while_the_database_is_away(away: None):
    assert Client().get("/healthz").status_code == 200


def test_readyz_tells_how_long_the_others_have_been_silent():
    assert Client().get("/readyz").json() == {"status": "ok", "heartbeats": {"worker": None, "poller": None}}
    heartbeats.beat("worker")
    Heartbeat.objects.create(process="poller", beaten_at=clock.read() - dt.timedelta(seconds=40))
    Heartbeat.objects.create(process="something else", beaten_at=clock.read())

    response = Client().get("/readyz")

    ages = response.json()["heartbeats"]
    assert response.status_code == 200
    assert set(ages) == {"worker", "poller"}
    assert ages["worker"] < 5
    assert 40 <= ages["poller"] < 45


def test_readyz_without_the_database(away: None):
    response = Client().get("/readyz")

    assert response.status_code == 503
    assert response.json() == {
        "status": "unavailable",
        "reason": "database",
        "heartbeats": {"worker": None, "poller": None},
    }
    assert response.headers["Retry-After"]


def test_readyz_with_a_migration_missing(monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as behind:
        behind.setattr(health.MigrationExecutor, "migration_plan", lambda *_: ["one"])
        response = Client().get("/readyz")

    assert (response.status_code, response.json()["reason"]) == (503, "migrations")
    assert Client().get("/readyz").status_code == 200


def test_readyz_with_a_trigger_missing(monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as behind:
        behind.setattr(triggers, "missing_triggers", lambda *_: ["codes_attempt_append_only"])
        response = Client().get("/readyz")

    assert (response.status_code, response.json()["reason"]) == (503, "triggers")
    assert Client().get("/readyz").status_code == 200


def test_the_schema_is_asked_for_once(django_assert_num_queries):
    Client().get("/readyz")

    with django_assert_num_queries(2):
        Client().get("/readyz")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_only_reading_is_answered(path: str):
    assert Client().post(path).status_code == 405
    assert Client().head(path).status_code == 200


def figures(**options: object) -> dict[tuple[str, ...], float]:
    response = Client().get("/metrics", **options)
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


def redeem(site, claimant, *texts: str) -> None:
    from codes.redemption.commands import RedeemCode
    from codes.redemption.engine import redeem_codes

    redeem_codes([RedeemCode(caller_of(claimant), text, claimant.claimant_id) for text in texts])


def test_metrics_count_what_happened_and_what_is_due(settings):
    sites = make_site(), make_site()
    for site in sites:
        claimant = make_claimant(site)
        make_code(site, "ABC-E6W5F")
        redeem(site, claimant, "ABC-E6W5F", "ABC-E6W5F")
    order_batch(new_batch(sites[0], worth_cents=1))
    heartbeats.beat("worker")

    everything = figures()
    own = figures(headers={"Authorization": f"Bearer {make_client(sites[1], ['read']).key}"})

    assert everything["redemption_attempts_last_minute", "redeemed", ""] == 2
    assert everything["redemption_attempts_last_minute", "refused", "code_used_up"] == 2
    assert everything["redemption_issue_orders_due",] == 1
    assert everything["redemption_receipt_mails_due",] == 2
    assert everything["redemption_process_silent_seconds", "worker"] < 5
    assert own["redemption_attempts_last_minute", "redeemed", ""] == 1
    assert own["redemption_issue_orders_due",] == 0
    assert own["redemption_receipt_mails_due",] == 1
    settings.CLOCK_OFFSET_SECONDS = 61
    assert ("redemption_attempts_last_minute", "redeemed", "") not in figures()


def test_metrics_tell_how_many_advices_wait_and_what_became_of_the_others(settings):
    here, there = make_site(), make_site()
    make_advice(here, parked=True)
    make_advice(here, received_at=clock.read() - dt.timedelta(seconds=90))
    make_advice(here)
    make_advice(there)
    now = clock.read()
    tallies.append({(here.pk, "redeemed"): 7, (there.pk, "redeemed"): 2, (here.pk, "failed"): 1}, now)
    tallies.append({(here.pk, "redeemed"): 1}, now)
    keys = [make_client(site, ["read"]).key for site in (here, there)]
    settings.CLOCK_OFFSET_SECONDS = 60

    everything = figures()
    of_here, of_there = (figures(headers={"Authorization": f"Bearer {key}"}) for key in keys)

    assert everything["redemption_advices_waiting",] == 3
    assert [each["redemption_advices_waiting",] for each in (of_here, of_there)] == [2, 1]
    assert [each["redemption_advices_parked",] for each in (everything, of_here, of_there)] == [1, 1, 0]
    assert 150 <= everything["redemption_advices_lag_seconds",] < 165
    assert 60 <= of_there["redemption_advices_lag_seconds",] < 75
    assert everything["redemption_advices_last_minute", "redeemed"] == 10
    assert of_here["redemption_advices_last_minute", "redeemed"] == 8
    assert of_here["redemption_advices_last_minute", "failed"] == 1
    assert ("redemption_advices_last_minute", "failed") not in of_there
    settings.CLOCK_OFFSET_SECONDS = 120
    assert ("redemption_advices_last_minute", "redeemed") not in figures()


def test_work_that_is_not_due_yet_is_no_lag():
    site = make_site()
    make_advice(site)
    PendingAdvice.objects.update(due_at=clock.read() + dt.timedelta(minutes=5))

    assert figures()["redemption_advices_lag_seconds",] == 0
    assert figures()["redemption_advices_waiting",] == 1


def test_metrics_cost_eight_queries_however_much_there_is(django_assert_max_num_queries):
    make_site(), make_site()

    with django_assert_max_num_queries(9):
        figures()


def test_metrics_are_for_this_machine_and_for_readers():
    site = make_site()
    redeemer, reader = (make_client(site, [scope]).key for scope in ("redeem", "read"))

    def status(address: str, **headers: str) -> int:
        return Client(REMOTE_ADDR=address).get("/metrics", headers=headers).status_code

    assert status("127.0.0.1") == 200
    assert status("203.0.113.7") == 401
    # A proxy on this machine that nobody told us about is not this machine.
    assert status("127.0.0.1", **{"X-Forwarded-For": "203.0.113.7"}) == 401
    assert status("203.0.113.7", Authorization=f"Bearer {redeemer}") == 403
    assert status("203.0.113.7", Authorization=f"Bearer {reader}") == 200
    assert status("127.0.0.1", Authorization="Bearer nonsense") == 401


def test_the_system_checks_know_the_triggers_too():
    assert checks.run_checks(databases=["default"], tags=["database"]) == []
