"""Points on the desk: granted to an account, a claimant or a member, corrected and told with their lots; once, and audited."""

import datetime as dt
import re

import pytest

from accounts.models import AuditRecord, Member
from ledger.models import LedgerAccount, Lot, PointsGrant
from ledger.points_accounts import read_points
from tests.admin.desk import World, page_of, text_of
from tests.factories import make_account, make_asset, make_user

pytestmark = pytest.mark.django_db
ONCE = "6f1c3f6e-1b0a-4a52-9a50-4f0d3c1b7a15"
GIFT = {"way": "campaign", "points": "500", "comment": "Welcome", "reason": "spring campaign"}


@pytest.fixture
def account(world: World) -> LedgerAccount:
    return make_account(make_user(world.site, claimant_id="u-points"), make_asset("PTS"), balance=40)


def test_points_are_granted_once_with_an_end_on_the_clocks_of_the_site(world: World, account: LedgerAccount):
    world.site.time_zone = "Europe/Berlin"
    world.site.save()
    browser = world.sign_in("manager")
    for _ in range(2):  # Sent twice, done once.
        form = GIFT | {"expires_at": "2099-07-01T00:00", "once": ONCE}
        answer = browser.post(page_of(account, "grant_points"), form, follow=True)

    assert "500 PTS granted, until 2099-07-01 00:00:00 Europe/Berlin" in text_of(answer)
    [lot] = Lot.objects.all()
    assert (lot.amount, lot.expires_at) == (500, dt.datetime(2099, 6, 30, 22, 0, tzinfo=dt.UTC))
    [audit] = AuditRecord.objects.filter(action="points.grant")
    assert (audit.actor_id, audit.detail["reason"]) == (world.staff["manager"].claimant_id, "spring campaign")
    page = text_of(browser.get(page_of(account)))
    for told in ("540 PTS", "Never", "40 PTS", "Welcome", "500 PTS to the lot that ends 2099-07-01"):
        assert told in page, told
    assert "spring campaign" not in page


def test_a_correction_takes_what_expires_first(world: World, account: LedgerAccount):
    browser = world.sign_in("manager")
    browser.post(page_of(account, "grant_points"), GIFT | {"expires_at": "2099-07-01T00:00"})

    answer = browser.post(page_of(account, "grant_points"), GIFT | {"way": "take", "points": "10"}, follow=True)

    assert "10 PTS taken." in text_of(answer)
    assert Lot.objects.get().remaining == 490
    assert PointsGrant.objects.latest("granted_at").kind == "correction"
    assert "10 PTS from the lot that ends 2099-07-01" in text_of(browser.get(page_of(account)))


def test_a_claimant_and_a_member_get_their_account_with_their_points(world: World):
    make_asset("PTS")
    claimant, user = make_user(world.site), make_user(world.site)
    member = Member.objects.create(user=user, site=world.site, account_id="M-points", created_at=user.created_at)
    browser = world.sign_in("manager")
    assert "They get an account in the programme" in text_of(browser.get(page_of(claimant, "grant_points")))

    for row in (claimant, member):
        assert "500 PTS granted." in text_of(browser.post(page_of(row, "grant_points"), GIFT, follow=True))

    for owner in (claimant, user):
        assert read_points(LedgerAccount.objects.get(owner=owner, kind="points")).available == 500
    assert AuditRecord.objects.filter(action="account.open", detail__reason="points are granted").count() == 2


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"points": "0"}, "greater than or equal to 1"),
        ({"points": "1.5"}, "whole number"),
        ({"points": "-5"}, "greater than or equal to 1"),
        ({"points": "9" * 30}, "less than or equal"),
        ({"way": "present"}, "Select a valid choice"),
        ({"reason": ""}, "This field is required"),
        ({"way": "take", "points": "41"}, "below the account"),
        ({"way": "take", "expires_at": "2099-07-01T00:00"}, "Only points that are given can expire"),
        ({"expires_at": "2001-01-01T00:00"}, "That moment has passed"),
        ({"expires_at": "0001-01-01T00:00"}, "passed|calendars"),
        ({"expires_at": "soon"}, "Enter a valid date/time"),
    ],
)
def test_what_cannot_be_granted_is_said_and_moves_nothing(world: World, account: LedgerAccount, form: dict, said: str):
    answer = world.sign_in("manager").post(page_of(account, "grant_points"), GIFT | form)

    assert answer.status_code == 200
    assert re.search(said, text_of(answer))
    assert read_points(account).balance == 40
    assert not PointsGrant.objects.exists()


def test_a_site_without_a_programme_says_so_and_opens_nothing(world: World):
    claimant = make_user(world.site)

    answer = world.sign_in("manager").post(page_of(claimant, "grant_points"), GIFT)

    assert "programme of points, PTS, does not exist" in text_of(answer)
    assert not LedgerAccount.objects.filter(owner=claimant, kind="points").exists()


def test_points_have_no_minimum_and_are_not_booked_like_money(world: World, account: LedgerAccount):
    browser = world.sign_in("manager")
    assert "Minimum balance" not in text_of(browser.get(page_of(account, "change_account")))
    browser.post(page_of(account, "change_account"), {"state": "closed", "reason": "left"})

    account.refresh_from_db()
    assert (account.state, account.floor) == ("closed", 0)
    for deed in ("book", "grant_points"):
        assert "is not possible any more" in text_of(browser.get(page_of(account, deed), follow=True))


def test_support_grants_nothing(world: World, account: LedgerAccount):
    answer = world.sign_in("support").post(page_of(account, "grant_points"), GIFT)

    assert answer.status_code == 403
    assert read_points(account).balance == 40
