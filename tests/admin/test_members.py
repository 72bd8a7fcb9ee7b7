"""The desk of loyalty members: made with their points account, by what they are known, their cards, states and sessions."""

import pytest

from accounts.models import AuditRecord, Member, User
from ledger import points
from ledger.models import LedgerAccount
from tests.admin.desk import list_of, page_of, signed_in, text_of
from tests.factories import make_account, make_asset, make_site, make_staff, make_user
from tests.members import (
    make_household,
    make_loyalty_client,
    make_loyalty_settings,
    make_member,
    make_session,
)
from tests.plans import read_whole

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    found = make_site(slug="shop", name="Shop")
    make_loyalty_settings(found)
    return found


@pytest.fixture
def desk(site):
    return signed_in(make_staff(site))


@pytest.fixture
def pts():
    return make_asset("PTS")


def with_points(member, holds):
    make_account(member.user, make_asset("PTS"), balance=holds)
    return member


def redeem(member, amount):
    reserved = points.reserve_points(points.ReservePoints(member, "client:1", amount))
    command = points.RedeemPoints(member, "client:1", reserved.token, "MAIN", "APP", "ORDER-77")
    return points.redeem_points(command)


def audited(prefix):
    return list(AuditRecord.objects.filter(action__startswith=prefix).order_by("id").values_list("action", flat=True))


def test_a_new_member_with_a_new_claimant_gets_a_points_account_and_joins(site, desk, pts):
    household = make_household(site, "H-1")
    sent = {"site": site.pk, "name": "Anna", "account_id": "M1", "loyalty_id": "6000000001", "household": "H-1"}

    response = desk.post(list_of("accounts_member", "create"), sent)

    made = Member.objects.get()
    assert response["Location"] == page_of(made)
    assert (made.user.name, made.account_id, made.loyalty_id) == ("Anna", "M1", "6000000001")
    assert (made.household, made.role) == (household, "member")
    assert LedgerAccount.objects.get(owner=made.user, kind="points").asset == pts
    assert audited("member.") + audited("household.join") == ["member.create", "household.join"]


def test_a_claimant_who_is_there_becomes_a_member_with_the_points_they_have(site, desk, pts):
    user = make_user(site, claimant_id="u-7")
    account = make_account(user, pts, balance=40)

    desk.post(list_of("accounts_member", "create"), {"site": site.pk, "claimant": "u-7"})

    assert Member.objects.get().user == user
    assert LedgerAccount.objects.get(owner=user, kind="points") == account


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"claimant": "nobody"}, "This site has no claimant nobody."),
        ({"claimant": "u-7", "name": "Ben"}, "and not both"),
        ({"name": "x", "account_id": "M1"}, "a member of this account ID already"),
        ({"name": "x", "loyalty_id": "L1"}, "a member of this loyalty ID already"),
        ({"name": "x", "account_id": " M9"}, "without spaces"),
        ({"name": "x", "household": "H-9"}, "no household of this ID"),
        ({"claimant": "member"}, "a member already"),
        ({"claimant": "other-points"}, "and the programme&#x27;s are"),
    ],
)
def test_a_refused_new_member_leaves_nothing_behind(site, desk, pts, sent, said):
    make_member(site, "M1", loyalty_id="L1", user=make_user(site, claimant_id="member"))
    make_user(site, claimant_id="u-7")
    make_account(make_user(site, claimant_id="other-points"), make_asset("PTS2"))
    people = User.objects.count()

    response = desk.post(list_of("accounts_member", "create"), {"site": site.pk, **sent})

    assert response.status_code == 200
    assert said in text_of(response)
    assert (Member.objects.count(), User.objects.count()) == (1, people)


def test_without_an_asset_of_points_no_member_is_made(site, desk):
    response = desk.post(list_of("accounts_member", "create"), {"site": site.pk, "name": "Anna"})

    assert "There is no asset of points with the code PTS" in text_of(response)
    assert not Member.objects.exists()


def test_another_sites_household_does_not_exist(site, desk, pts):
    make_household(make_site(), "H-9")

    response = desk.post(list_of("accounts_member", "create"), {"site": site.pk, "name": "x", "household": "H-9"})

    assert "no household of this ID" in text_of(response)


def test_identifiers_and_addresses_are_changed_on_pages_that_show_what_there_is(site, desk):
    member = make_member(site, identifiers=[("email", "a@example.test")], emails={"HOME": "a@example.test"})
    assert "a@example.test" in text_of(desk.get(page_of(member, "identifiers")))

    desk.post(page_of(member, "identifiers"), {"email": "B@example.test\r\n c@example.test ", "phone_number": "+49 1"})
    desk.post(page_of(member, "emails"), {"emails": "HOME b@example.test\nWORK w@example.test"})

    assert list(member.identifiers.values_list("type", "value")) == [
        ("email", "b@example.test"),
        ("email", "c@example.test"),
        ("phone_number", "+49 1"),
    ]
    assert dict(member.emails.values_list("key", "address")) == {"HOME": "b@example.test", "WORK": "w@example.test"}
    shown = text_of(desk.get(page_of(member)))
    for told in ("b@example.test", "+49 1", "WORK"):
        assert told in shown
    for name, sent in (
        ("identifiers", {"external_id": "x" * 256}),
        ("emails", {"emails": "a@example.test"}),
        ("emails", {"emails": "HOME a@example.test\nHOME b@example.test"}),
        ("emails", {"emails": "HOME nothing"}),
    ):
        assert "Please correct" in text_of(desk.post(page_of(member, name), sent)) or name == "identifiers"
    assert member.identifiers.count() == 3
    assert member.emails.count() == 2


def test_a_member_is_given_a_card_suspended_closed_and_made_active(site, desk):
    member = make_member(site, loyalty_id="L1", household=make_household(site))
    desk.post(page_of(member, "card"), {"loyalty_id": "L2", "reason": "lost"})
    for name, status in (("suspend", "suspended"), ("activate", "active"), ("close", "closed")):
        assert desk.post(page_of(member, name), {"reason": ""}).status_code == 200  # Not without a reason.
        desk.post(page_of(member, name), {"reason": "asked for"})
        member.refresh_from_db()
        assert member.status == status

    assert (member.loyalty_id, member.household) == ("L2", None)
    again = desk.post(page_of(member, "close"), {"reason": "twice"}, follow=True)
    assert "not possible any more" in text_of(again)


def test_members_are_found_by_all_that_they_are_known_by_and_by_nobody_elses_staff(site, desk):
    user = make_user(site, claimant_id="u-7", email="sign@example.test")
    member = make_member(
        site, "M1", loyalty_id="L1", user=user, identifiers=[("email", "a@x.test"), ("phone_number", "1")]
    )
    make_member(site, "M2")
    stranger = signed_in(make_staff(make_site()))
    for term in ("M1", "L1", "A@x.test", "1", "u-7", "Sign@example.test"):
        assert page_of(member) in text_of(desk.get(list_of("accounts_member"), {"q": term})), term
        assert page_of(member) not in text_of(stranger.get(list_of("accounts_member"), {"q": term})), term
    for term in ("m1", "M", "%", "2", "'"):
        assert page_of(member) not in text_of(desk.get(list_of("accounts_member"), {"q": term})), term


def test_the_lists_read_no_table_whole(site, desk):
    make_member(site, "M1", household=make_household(site, "H-1"))

    assert read_whole(lambda: desk.get(list_of("accounts_member"))) == []
    assert read_whole(lambda: desk.get(list_of("accounts_member"), {"q": "M1"})) == []
    assert read_whole(lambda: desk.get(list_of("accounts_household"), {"q": "M1"})) == []


def test_a_members_page_lists_the_latest_sessions(site, desk):
    member = make_member(site)
    assert "No session was started" in text_of(desk.get(page_of(member)))

    make_session(make_loyalty_client(site), member, "c-4711")

    assert "c-4711" in text_of(desk.get(page_of(member)))
