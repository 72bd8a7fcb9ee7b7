"""The stream of advices on the desk: found by what became of them, read check by check, judged again, and never a text shown."""

import datetime as dt
import re
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.html import strip_tags

from accounts import clock
from accounts.admin import paging
from accounts.models import AuditRecord
from codes.advice import draining, tallies
from codes.models import Advice, PendingAdvice
from tests.admin.desk import World, list_of, make_world, page_of, text_of
from tests.advice import advise
from tests.breaking import unguarded
from tests.codes.advices import TEXT, make_advice, make_venue, sender_of
from tests.factories import make_code
from tests.plans import BIG, read_whole

pytestmark = pytest.mark.django_db
LIST = "/admin/codes/advice/"


def listed(world: World, role: str = "support", **query: object) -> set[object]:
    page = text_of(world.sign_in(role).get(LIST, query))
    return {advice.pk for advice in Advice.objects.all() if page_of(advice) in page}


def words(page: str) -> str:
    return " ".join(strip_tags(page).split())


def test_the_newest_stands_first_with_what_became_of_it(world: World):
    code = make_code(world.site, "TILL-CODE-77", name="Burgers")
    venue = make_venue(world.site, "922", name="North gate")
    now = clock.read()
    judged = advise(
        sender_of(world.site), "TILL-CODE-77", happened_at=now - dt.timedelta(hours=3), redemption_type="nfc"
    )
    waiting = make_advice(world.site, venue=venue)
    page = text_of(world.sign_in("support").get(LIST))
    told = words(page)

    assert judged.outcome == "redeemed"
    assert page.index(page_of(waiting)) < page.index(page_of(judged)) < page.index(page_of(world.rows["codes_advice"]))
    for each in ("Redeemed", "Waiting", "Parked", "North gate", "nfc", "3 h", "42 s", f"Burgers · {code.serial}"):
        assert each in told, each


def test_an_empty_stream_says_so(world: World):
    with unguarded():
        PendingAdvice.objects.all().delete()
        Advice.objects.all().delete()
        page = words(text_of(world.sign_in("support").get(LIST)))

    assert "No advice was judged." in page


def test_the_stream_is_filtered_by_outcome(world: World):
    parked = world.rows["codes_advice"]
    waiting = make_advice(world.site)
    failed = make_advice(world.site, "failed")
    by_outcome = {
        o.value: make_advice(world.site, o.value) for o in Advice.Outcome if o not in ("redeemed", "recorded", "failed")
    }

    assert listed(world, outcome="parked") == {parked.pk}
    assert listed(world, outcome="waiting") == {waiting.pk}
    assert listed(world, outcome="failed") == {parked.pk, failed.pk}
    for outcome, advice in by_outcome.items():
        assert listed(world, outcome=outcome) == {advice.pk}, outcome
        assert listed(world, "superuser", outcome=outcome) == {advice.pk}, outcome
    assert listed(world, outcome="redeemed") == set()
    assert len(listed(world, outcome="nonsense")) == Advice.objects.count()


def test_the_stream_is_filtered_by_venue_type_and_days(world: World):
    venue = make_venue(world.site, "922")
    now = clock.read()
    old = make_advice(world.site, "expired", received_at=now - dt.timedelta(days=3), redemption_type="Nfc", venue=venue)
    odd = make_advice(world.site, "expired", redemption_type="kiosk-7")
    day = f"{now - dt.timedelta(days=3):%Y-%m-%d}"
    everything = set(Advice.objects.values_list("pk", flat=True))

    assert listed(world, venue=venue.pk) == {old.pk}
    assert listed(world, venue=venue.pk, outcome="disabled") == set()
    assert listed(world, type="NFC") == everything - {odd.pk}
    assert listed(world, type="KIOSK-7", outcome="expired") == {odd.pk}
    assert "KIOSK-7" in text_of(world.sign_in("support").get(LIST))
    assert listed(world, **{"from": day, "until": day}) == {old.pk}
    assert listed(world, **{"until": day}) == {old.pk}
    assert listed(world, **{"from": f"{now:%Y-%m-%d}"}) == everything - {old.pk}
    for nonsense in ({"from": "soon"}, {"until": "9999-12-31"}, {"from": "2026-02-31", "until": ""}):
        assert listed(world, **nonsense) == everything
    for nonsense in ({"venue": "x"}, {"venue": "9" * 30}, {"type": "' OR 1=1"}):
        assert listed(world, **nonsense) == set()


def test_filters_and_pages_go_together(world: World):
    for _ in range(60):
        make_advice(world.site, "expired")
    browser = world.sign_in("support")
    cl = browser.get(LIST, {"outcome": "expired", "type": "nfc"}).context_data["cl"]
    second = browser.get(LIST + cl.paginator.older).context_data["cl"]

    assert (len(cl.result_list), len(second.result_list)) == (50, 10)
    assert browser.get(LIST + second.paginator.newer).context_data["cl"].result_list == cl.result_list


def test_what_no_index_answers_is_looked_for_a_stretch_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(paging, "LOOKED_THROUGH", 10)
    wanted = make_advice(world.site, "expired", redemption_type="RARE")
    for _ in range(15):
        make_advice(world.site, "expired")
    browser = world.sign_in("support")
    first = browser.get(LIST, {"type": "rare"})
    cl = first.context_data["cl"]

    assert (list(cl.result_list), "that were looked through" in cl.paginator.text) == ([], True)
    assert list(browser.get(LIST + cl.paginator.older).context_data["cl"].result_list) == [wanted]


def test_the_stream_costs_a_fixed_number_of_statements(world: World):
    browser = world.sign_in("support")
    browser.get(LIST)

    def cost() -> int:
        with CaptureQueriesContext(connection) as made:
            assert browser.get(LIST).status_code == 200
        return len(made)

    few = cost()
    code = make_code(world.site, "TILL-CODE-77", uses=100)
    for number in range(8):
        venue = make_venue(world.site, f"many-{number}")
        advise(sender_of(world.site), "TILL-CODE-77", venue=(10, venue.external_id), happened_at=clock.read())
    assert Advice.objects.filter(attempt__code=code).count() == 8
    assert cost() == few <= 13


@pytest.mark.parametrize(
    "query",
    [
        {}, {"outcome": "parked"}, {"outcome": "waiting"}, {"outcome": "expired"}, {"outcome": "redeemed"}, {"type": "nfc"},
        {"from": "2026-01-01", "until": "2026-02-01"}, {"venue": "1"}, {"venue": "1", "outcome": "failed"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("role", ["support", "superuser"])
def test_no_page_of_the_stream_reads_the_table_whole(world: World, role: str, query: dict):
    browser = world.sign_in(role)
    make_advice(world.site, "expired")

    assert "codes_advice" in BIG
    assert read_whole(lambda: browser.get(LIST, query)) == []
    if role == "support" and not query:
        assert read_whole(lambda: browser.get(page_of(world.rows["codes_advice"]))) == []


def test_a_page_shows_what_was_sent_and_every_check_with_the_values_seen(world: World):
    make_code(world.site, "TILL-CODE-77", name="Burgers", uses=1)
    venue = make_venue(world.site, "922", name="North gate")
    happened = dt.datetime(2015, 1, 20, 10, 21, 47, tzinfo=dt.UTC)
    fields = {"venue": (10, "922"), "offset_minutes": -630, "redemption_type": "NFC"}
    advise(sender_of(world.site), "TILL-CODE-77", happened_at=happened, **fields)
    advice = advise(sender_of(world.site), "TILL-CODE-77", happened_at=happened, **fields)
    page = text_of(world.sign_in("support").get(page_of(advice)))
    told = words(page)

    assert advice.outcome == "already_used"
    for each in (
        "Already used", "The code had no use left", "2015-01-20 10:21:47 UTC", "2015-01-19 23:51:47 (-10:30)",
        "922 (10 Till)", "reporting till", "Burgers · 1", "It has uses left failed uses: 1 max uses: 1",
    ):  # fmt: skip
        assert each in told, each
    for row in (advice.attempt, advice.attempt.code, venue):
        assert page_of(row) in page
    assert "TILL-CODE-77" not in page


def test_what_was_missing_is_noted(world: World):
    bare = make_advice(world.site, happened_at=None, offset_minutes=None)
    unread = make_advice(world.site, "invalid_date", happened_at=None, problem="invalid_date")
    browser = world.sign_in("support")

    told = words(text_of(browser.get(page_of(bare))))
    assert "No date was given: the time of receipt stands for it; no offset was given: +00:00 stands for it" in told
    assert f"{bare.received_at:%Y-%m-%d %H:%M:%S} (+00:00)" in told
    assert "It has not been judged yet." in told
    assert "No date was read" in words(text_of(browser.get(page_of(unread))))


def test_a_parked_one_shows_its_tries_and_its_last_error(world: World):
    told = words(text_of(world.sign_in("support").get(page_of(world.rows["codes_advice"]))))

    for each in ("Parked", "8 of 8", "Last error: OperationalError", "could not be judged in eight tries"):
        assert each in told, each


def test_no_page_shows_a_text_but_the_one_that_reveals_it(world: World):
    advice = world.rows["codes_advice"]
    manager = world.sign_in("manager")
    revealed = manager.post(page_of(advice, "reveal"), {"reason": "the till asks"})

    assert f"{{&quot;redemptionText&quot;:&quot;{TEXT}&quot;}}" in text_of(revealed)
    assert revealed["Cache-Control"].startswith("no-store")
    audited = AuditRecord.objects.get(action="advice.reveal")
    assert (audited.object_id, audited.detail) == (str(advice.pk), {"reason": "the till asks"})
    for path in (LIST, page_of(advice), page_of(audited), page_of(advice, "reveal")):
        assert TEXT not in text_of(manager.get(path)), path
    assert TEXT not in text_of(manager.post(page_of(advice, "reveal"), {"reason": ""}))
    assert world.sign_in("operator").post(page_of(advice, "reveal"), {"reason": "curious"}).status_code == 403
    assert AuditRecord.objects.filter(action="advice.reveal").count() == 1


def test_a_body_that_is_no_text_is_revealed_all_the_same(world: World):
    from codes import keys
    from codes.advice import revealing

    advice = make_advice(world.site)
    Advice.objects.filter(pk=advice.pk).update(raw=keys.seal_bytes(world.site.pk, b"<a>\xff\x00</a>")[1])

    assert revealing.reveal(advice, actor_id="u", reason="why") == "<a>\\xff\x00</a>"


def test_an_operator_has_one_judged_again_and_its_earlier_judgement_stays_in_sight(world: World):
    advice = advise(sender_of(world.site), "LATE-CODE-77", happened_at=clock.read())
    first = advice.attempt
    make_code(world.site, "LATE-CODE-77", name="Late")
    browser = world.sign_in("operator")

    answer = browser.post(page_of(advice, "retry"), {"reason": "imported"}, follow=True)
    assert "It will be judged again" in text_of(answer)
    assert page_of(first) in text_of(answer)
    draining.drain()
    page = text_of(browser.get(page_of(advice)))

    assert Advice.objects.get(pk=advice.pk).outcome == "redeemed"
    assert page_of(first) in page
    assert "Judged before" in page
    assert "is not possible any more" in text_of(browser.post(page_of(advice, "retry"), {"reason": "x"}, follow=True))
    assert world.sign_in("support").post(page_of(advice, "retry"), {"reason": "x"}).status_code == 403


def test_a_parked_one_is_given_up(world: World):
    advice = world.rows["codes_advice"]
    browser = world.sign_in("operator")
    assert "required" in text_of(browser.post(page_of(advice, "discard"), {"reason": ""}))
    browser.post(page_of(advice, "discard"), {"reason": "a test till"})

    assert not PendingAdvice.objects.exists()
    assert Advice.objects.get(pk=advice.pk).outcome == "failed"
    assert "Failed" in words(text_of(browser.get(page_of(advice))))


def test_all_of_a_stretch_of_time_are_judged_again(world: World):
    there = make_world("elsewhere")
    now = clock.read()
    early = make_advice(world.site, "unknown_text", received_at=now - dt.timedelta(days=2))
    late = make_advice(world.site, "unknown_text")
    foreign = make_advice(there.site, "unknown_text")
    since = f"{now - dt.timedelta(days=1):%Y-%m-%dT%H:%M}"
    browser = world.sign_in("operator")
    form = {"site": world.site.pk, "which": "unknown_text", "since": since, "reason": "imported"}

    answer = browser.post(list_of("codes_advice", "judge_again"), form, follow=True)
    assert "1 advice will be judged again." in words(text_of(answer))
    assert set(PendingAdvice.objects.filter(parked_at=None).values_list("pk", flat=True)) == {late.pk}
    answer = browser.post(list_of("codes_advice", "judge_again"), {**form, "since": "", "site": there.site.pk})
    assert "Select a valid choice" in text_of(answer)
    answer = browser.post(list_of("codes_advice", "judge_again"), {**form, "since": "", "which": "parked"}, follow=True)
    assert "1 advice will be judged again." in words(text_of(answer))
    answer = browser.post(list_of("codes_advice", "give_up"), {"site": world.site.pk, "reason": "none left"})
    assert "There is none of these" in text_of(answer)
    assert {each.outcome for each in Advice.objects.filter(pk__in=[early.pk, foreign.pk])} == {"unknown_text"}


def test_many_are_done_list_by_list_and_the_rest_is_told(world: World, monkeypatch: pytest.MonkeyPatch):
    from codes.admin import advice_deeds
    from codes.advice import retrying

    monkeypatch.setattr(retrying, "MOST", 2)
    monkeypatch.setattr(advice_deeds, "MOST", 4)
    for _ in range(4):
        make_advice(world.site, parked=True)
    browser = world.sign_in("operator")
    form = {"site": world.site.pk, "reason": "a test till"}

    told = words(text_of(browser.post(list_of("codes_advice", "give_up"), form, follow=True)))
    assert "4 advices given up. There are more: press once again." in told
    told = words(text_of(browser.post(list_of("codes_advice", "give_up"), form, follow=True)))
    assert "1 advice given up." in told
    assert "There are more" not in told
    assert AuditRecord.objects.filter(action="advice.discard").count() == 3


def test_the_charts_add_up_and_have_words_and_a_table(world: World):
    there = make_world("elsewhere")
    now = clock.read()
    tallies.append(
        {(world.site.pk, "redeemed"): 30, (world.site.pk, "already_used"): 10, (there.site.pk, "redeemed"): 500}, now
    )
    tallies.append({(world.site.pk, "redeemed"): 7}, now - dt.timedelta(hours=2))
    tallies.append({(world.site.pk, "redeemed"): 1_000}, now - dt.timedelta(hours=25))
    page = text_of(world.sign_in("support").get(LIST))
    hour, day = (page[page.index(f'id="chart-{name}"') :].partition("</section>")[0] for name in ("hour", "day"))

    assert "40 advices were judged: 30 redeemed, 10 already used." in hour
    assert "47 advices were judged: 37 redeemed, 10 already used." in day
    assert re.findall(r'<rect class="desk-o-(\w+)"[^>]*height="([\d.]+)"', hour) == [
        ("redeemed", "75.00"),
        ("already_used", "25.00"),
    ]
    assert hour.count('<th scope="row">') == 1
    assert day.count('<th scope="row">') == 2
    both = text_of(world.sign_in("superuser").get(LIST))
    assert "540 advices were judged" in both
    assert "40 advices were judged" in text_of(world.sign_in("superuser").get(LIST, {"site": world.site.pk}))


def test_an_unknown_outcome_of_a_later_release_is_shown_as_it_stands(world: World):
    tallies.append({(world.site.pk, "postponed"): 2}, clock.read())

    assert "2 postponed" in text_of(world.sign_in("support").get(LIST))


def test_nobody_of_another_site_does_anything_to_it(world: World):
    advice = world.rows["codes_advice"]
    stranger = make_world("elsewhere").sign_in("manager")
    assert stranger.get(page_of(advice)).status_code == 404
    for name in ("retry", "discard", "reveal"):
        assert stranger.get(page_of(advice, name)).status_code == 404
        assert stranger.post(page_of(advice, name), {"reason": "x"}).status_code == 404
    assert page_of(advice) not in text_of(stranger.get(LIST, {"venue": world.rows["accounts_venue"].pk}))
    assert stranger.get(LIST + f"{uuid.uuid4()}/change/").status_code == 404
    assert PendingAdvice.objects.get(pk=advice.pk).parked_at
