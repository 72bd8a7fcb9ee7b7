"""The holder's page for points: what can be used and until when, which points an entry used, in both languages; nobody else's."""

import re

import pytest

from ledger import moving, points
from ledger.models import LedgerAccount
from ledger.points_accounts import open_points_account
from tests.codes.conftest import stopped_clock  # noqa: F401 (a fixture)
from tests.factories import make_asset
from tests.ledger.granted import grant
from tests.ledger.membership import CALLER
from tests.pages.conftest import browser_of
from tests.pages.test_account import lines, shown

WHO = {"comment": "", "actor_id": "u-boss"}


@pytest.fixture
def account(anna, stopped_clock) -> LedgerAccount:  # noqa: F811
    """1,000 points until December, and 5 without an end."""
    account = open_points_account(anna, make_asset("PTS"), actor_id="u-boss")
    grant(account, 1_000, 30, comment="Welcome")
    stopped_clock.advance(minutes=1)
    grant(account, 5)
    return account


def test_points_stand_beside_the_money_with_how_long_they_last(annas, account):
    page = shown(annas)

    assert '<p class="what" id="balance">€0.00</p>' in page
    assert '<p class="what" id="points">1,005 points</p>' in page
    plain = " ".join(page.split())
    assert "<span>1,000 points</span> <span> until 21 December 2026, 13:00 CET </span>" in plain
    assert "<span>5 points</span> <span>without an end</span>" in plain
    assert 'aria-current="page">Money</a>' in page
    assert "Nothing has been booked yet" in page


def test_the_statement_of_points_says_which_were_used(annas, account, stopped_clock):  # noqa: F811
    stopped_clock.advance(minutes=1)
    moving.spend(account, 1_001, **WHO)

    assert lines(shown(annas, "?of=points")) == [
        "Spent −1,001 points 1,000 points of those until 21 December 2026, 13:00 CET 21 November 2026, 13:02 CET",
        "Credited +5 points 21 November 2026, 13:01 CET",
        "Credited +1,000 points Welcome 1,000 points until 21 December 2026, 13:00 CET 21 November 2026, 13:00 CET",
    ]


def test_it_speaks_german_and_of_what_is_reserved_and_expired(anna, annas, account, stopped_clock):  # noqa: F811
    from accounts.models import Member

    member = Member.objects.create(user=anna, site=anna.site, account_id="M1", created_at=stopped_clock.now)
    points.reserve_points(points.ReservePoints(member, CALLER, 400, seconds=60))
    annas.cookies["django_language"] = "de"

    page = shown(annas, "?of=points")
    assert '<p class="what" id="points">605 Punkte</p>' in page
    assert "Weitere 400 Punkte sind reserviert." in page
    assert "ohne Ende" in page
    stopped_clock.advance(days=31)
    page = shown(annas, "?of=points")

    assert '<p class="what" id="points">5 Punkte</p>' in page
    assert lines(page)[0].startswith("Punkte verfallen −1.000 Punkte 21. Dezember 2026")


def test_who_has_points_alone_sees_them_at_once(annas, anna, account):
    LedgerAccount.objects.filter(owner=anna, kind="cash").update(state="closed")
    assert 'id="balance"' in shown(annas)
    other = browser_of(member_with_points_alone(anna))

    page = shown(other)

    assert 'id="balance"' not in page
    assert 'id="points">7 points' in page
    assert len(lines(page)) == 1
    assert "Whose statement" not in page


def member_with_points_alone(anna):
    from tests.factories import make_user

    user = make_user(anna.site)
    grant(open_points_account(user, make_asset("PTS"), actor_id="u-boss"), 7)
    return user


def test_pages_of_points_follow_each_other(annas, account, stopped_clock):  # noqa: F811
    for number in range(22):
        stopped_clock.advance(seconds=1)
        moving.spend(account, 1 + number, **WHO)

    first = shown(annas, "?of=points")
    after = re.search(r'href="\?of=points&amp;after=([0-9]+)"', first)[1]
    second = shown(annas, f"?of=points&after={after}")

    assert (len(lines(first)), len(lines(second))) == (20, 4)
    assert "?of=points" in second


def test_a_closed_account_says_so(annas, account):
    LedgerAccount.objects.filter(pk=account.pk).update(state="credit_only")

    assert "Points can come in, but not be used at the moment." in shown(annas)
