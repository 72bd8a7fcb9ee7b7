"""Changing the keys while reports are kept and judged: each is readable all the time, and counts once."""

import pytest
from cryptography.exceptions import InvalidTag
from django.db import connection
from django.test.utils import CaptureQueriesContext

from codes import keys, resealing
from codes.advice import accepting, draining, inbox
from codes.models import Advice, PendingAdvice, Resealing
from tests.advice import advise, make_till, report_of
from tests.codes.redeeming import assert_sound
from tests.codes.rotation import live
from tests.factories import make_code, make_site

pytestmark = pytest.mark.django_db

ADVICES = next(subject for subject in resealing.SUBJECTS if subject.name == "advice")


@pytest.fixture(autouse=True)
def first_key(settings):
    live(settings, 1)


@pytest.fixture
def till():
    return make_till(make_site())


def read(advice_id) -> tuple[bytes, str | None, int]:
    """Body, text and key version."""
    row = Advice.objects.get(pk=advice_id)
    text = None if row.text is None else keys.unseal(row.site_id, row.key_version, row.text)
    return keys.unseal_bytes(row.site_id, row.key_version, row.raw), text, row.key_version


def test_body_and_text_come_under_the_newest_key_and_the_old_one_can_go(settings, till):
    make_code(till.client.site)
    judged = advise(till.client, raw=b'{"redemptionText":"ABC-E6W5F"}').pk
    waiting = accepting.accept(report_of(till.client, "abc e6w5f", raw=b"<again/>"))
    textless = accepting.accept(report_of(till.client, None, raw=b"{}", problem="invalid_text"))
    before = {row.pk: vars(row) for row in Advice.objects.all()}
    live(settings, 1, 2)
    newer = accepting.accept(report_of(till.client, raw=b"new"))

    assert resealing.reseal() == 3 + 1 + 1  # The code, and the attempt that judged the first.
    assert resealing.reseal() == 0

    live(settings, 2)
    assert read(judged) == (b'{"redemptionText":"ABC-E6W5F"}', "ABC-E6W5F", 2)
    assert read(waiting) == (b"<again/>", "abc e6w5f", 2)
    assert read(textless) == (b"{}", None, 2)
    assert read(newer) == (b"new", "ABC-E6W5F", 2)
    for pk, old in before.items():
        new = vars(Advice.objects.get(pk=pk))
        changed = {name for name in old if not name.startswith("_") and new[name] != old[name]}
        assert changed <= {"raw", "text", "key_version"}
    draining.drain()
    assert dict(Advice.objects.values_list("pk", "outcome")) == {
        judged: "redeemed", waiting: "already_used", textless: "invalid_text", newer: "already_used",
    }  # fmt: skip
    assert_sound()


@pytest.mark.parametrize("kept_under", [(1,), (1, 2)])
@pytest.mark.parametrize("judged_under", [(1, 2), (2, 1)])
def test_reports_and_codes_of_either_version_meet_while_both_are_live(settings, till, kept_under, judged_under):
    make_code(till.client.site, "OLD-0001")
    live(settings, 1, 2)
    make_code(till.client.site, "NEW-0001")
    live(settings, *kept_under)
    ids = [accepting.accept(report_of(till.client, text)) for text in ("OLD-0001", "NEW-0001", "new 0001")]
    live(settings, *judged_under)

    draining.drain()

    outcomes = Advice.objects.in_bulk(ids)
    assert [outcomes[each].outcome for each in ids] == ["redeemed", "redeemed", "already_used"]
    assert_sound()


def test_what_is_in_hand_while_it_is_resealed_is_judged_once(settings, till):
    make_code(till.client.site)
    advice_id = accepting.accept(report_of(till.client))
    claims = inbox.claim(10)
    live(settings, 1, 2)

    assert resealing.reseal_chunk(ADVICES) == 1
    live(settings, 2, 3)
    draining.work(claims)

    # The code is still under the first key, which is gone: nobody finds it, but the text was read.
    assert Advice.objects.get(pk=advice_id).outcome == "unknown_text"
    assert not PendingAdvice.objects.exists()


def test_one_under_a_key_that_is_gone_waits_until_the_key_is_back(settings, till, stopped_clock):
    make_code(till.client.site)
    live(settings, 1, 2)
    advice_id = accepting.accept(report_of(till.client))
    live(settings, 1)

    draining.drain()
    assert Advice.objects.get(pk=advice_id).outcome == ""
    assert PendingAdvice.objects.get().error == "KeyError"

    live(settings, 1, 2)
    stopped_clock.advance(minutes=1)
    draining.drain()
    assert Advice.objects.get(pk=advice_id).outcome == "redeemed"


def test_bodies_may_be_large_so_a_chunk_of_them_is_a_tenth_and_begins_where_the_last_one_ended(
    settings, till, monkeypatch
):
    monkeypatch.setattr(resealing, "CHUNK", 20)
    ids = sorted(accepting.accept(report_of(till.client, raw=b"x" * 65_536)) for _ in range(5))
    live(settings, 1, 2)

    for written, done in ((2, 2), (2, 4), (1, 5)):
        assert resealing.reseal_chunk(ADVICES) == written
        assert Resealing.objects.get(subject="advice").position == str(ids[done - 1])
        assert Advice.objects.filter(key_version=2).count() == done
    assert resealing.reseal_chunk(ADVICES) is None


def test_a_chunk_is_a_fixed_number_of_statements_and_locks_the_work_before_the_advices(settings, till, monkeypatch):
    counted = []
    for _ in range(110):
        accepting.accept(report_of(till.client))
    live(settings, 1, 2)
    for size in (5, 50, 50):
        monkeypatch.setattr(resealing, "CHUNK", size * ADVICES.share)
        with CaptureQueriesContext(connection) as asked:
            assert resealing.reseal_chunk(ADVICES) == size
        counted.append(len(asked))
        read = [each["sql"] for each in asked if each["sql"].startswith("SELECT r.")]
        assert [sql.split()[3] for sql in read] == ["codes_pendingadvice", "codes_advice"]

    assert counted[1] == counted[2] <= counted[0] <= 15


def test_what_no_live_key_opens_is_passed_over_and_counted(settings, till):
    ids = [accepting.accept(report_of(till.client)) for _ in range(3)]
    Advice.objects.filter(pk=ids[0]).update(raw=b"x" * 40)
    Advice.objects.filter(pk=ids[1]).update(text=b"x" * 40)
    live(settings, 1, 2)

    assert resealing.reseal() == 1

    assert Resealing.objects.get(subject="advice").unreadable == 2
    assert Advice.objects.get(pk=ids[2]).key_version == 2
    with pytest.raises(InvalidTag):
        read(ids[0])
