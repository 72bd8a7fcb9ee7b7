"""Making an account: who gets one, what is refused, and what a stranger learns of who has one."""

import pytest
from django.contrib.auth import get_user

from accounts.models import AuditRecord, User
from accounts.signing_in import FAILURES_PER_EMAIL
from ledger.models import LedgerAccount
from redemption_site.pages.registering import TRIES_PER_ADDRESS
from tests.factories import PASSWORD, make_asset, make_claimant, make_site, make_staff
from tests.pages.conftest import browser_of

GOOD = "a good long one"
NO_ACCOUNT = "No account could be made with these."


@pytest.fixture
def site(demo_site):
    make_asset("EUR")
    return demo_site


def register(browser, email="new@example.test", password=GOOD, **more):
    return browser.post("/register", {"email": email, "password": password, **more})


def test_a_new_address_gets_an_account_and_is_signed_in(stranger, site):
    before = stranger.session.session_key

    answer = register(stranger, " New@Example.TEST ")

    user = User.objects.get(site=site, email="new@example.test")
    assert (answer.status_code, answer["Location"]) == (303, "/redeem")
    assert get_user(stranger) == user
    assert stranger.session.session_key not in (None, before)
    assert user.check_password(GOOD)
    assert (user.is_staff, user.is_superuser, user.language) == (False, False, "en")
    assert LedgerAccount.objects.get(owner=user, kind="cash").balance == 0
    record = AuditRecord.objects.get(action="user.registered")
    assert (record.site, record.actor_id, record.object_id) == (site, user.claimant_id, str(user.pk))
    assert "example.test" not in str(record.detail)


@pytest.mark.parametrize(
    "email", ["", "new", "new@", "a b@example.test", "x" * 250 + "@example.test", "new@example.test\n\x00"]
)
def test_what_is_no_address_makes_no_account(email, stranger, site):
    answer = register(stranger, email)

    assert answer.status_code == 400
    assert "This is not an e-mail address." in answer.content.decode()
    assert User.objects.filter(site=site).count() == 0


@pytest.mark.parametrize("password", ["", "short", "password1234", "new@example.test", "x" * 201])
def test_a_poor_password_makes_no_account_and_is_not_shown_again(password, stranger, site):
    answer = register(stranger, password=password)

    assert answer.status_code == 400
    assert 'value="new@example.test"' in answer.content.decode()
    assert f'value="{password}"' not in answer.content.decode() or password in ("", "new@example.test")
    assert User.objects.filter(site=site).count() == 0


def test_an_address_that_has_an_account_is_answered_as_a_sign_in_is(stranger, anna, site):
    answer = register(stranger, anna.email)

    assert answer.status_code == 400
    assert NO_ACCOUNT in answer.content.decode()
    assert not get_user(stranger).is_authenticated
    anna.refresh_from_db()
    assert anna.check_password(PASSWORD)
    assert User.objects.filter(site=site).count() == 1


def test_who_has_an_account_and_its_password_is_signed_in(stranger, anna, site):
    assert register(stranger, anna.email, PASSWORD)["Location"] == "/redeem"
    assert get_user(stranger) == anna


def test_an_account_that_is_switched_off_stays_so(stranger, site):
    make_claimant(site, claimant_id="u-3003", email="cleo@example.test", is_active=False)

    assert NO_ACCOUNT in register(stranger, "cleo@example.test", PASSWORD).content.decode()
    assert not get_user(stranger).is_authenticated


def test_guessing_passwords_here_counts_as_at_the_sign_in(stranger, anna, site):
    for _ in range(FAILURES_PER_EMAIL - 1):
        assert register(stranger, anna.email, "not the password").status_code == 400

    locked = [register(stranger, anna.email, "not the password"), register(stranger, anna.email, PASSWORD)]
    there = stranger.post("/sign-in", {"email": anna.email, "password": PASSWORD})

    assert [answer.status_code for answer in (*locked, there)] == [429] * 3
    assert not get_user(stranger).is_authenticated


def test_one_address_of_the_network_makes_only_so_many_accounts(site):
    for number in range(TRIES_PER_ADDRESS):
        assert register(browser_of(), f"new{number}@example.test").status_code == 303

    answer = register(browser_of(), "late@example.test")
    elsewhere = browser_of().post(
        "/register", {"email": "late@example.test", "password": GOOD}, REMOTE_ADDR="192.0.2.7"
    )

    assert answer.status_code == 429
    assert 800 < int(answer["Retry-After"]) <= 900
    assert "Too many attempts from here. Try again in 15 minutes." in answer.content.decode()
    assert elsewhere.status_code == 303


def test_the_same_address_may_have_an_account_on_each_site(stranger, site):
    acme = make_site(slug="acme")
    make_claimant(acme, email="new@example.test")

    assert register(stranger).status_code == 303
    assert User.objects.filter(email="new@example.test").count() == 2


def test_staff_who_make_an_account_become_no_staff_of_the_page(stranger, site):
    make_staff(site, email="staff@example.test")

    assert register(stranger, "staff@example.test").status_code == 303
    assert not get_user(stranger).is_staff


def test_two_at_once_are_one_account(stranger, site, monkeypatch):
    """The address was free when it was looked up, and taken when it was written."""
    make_claimant(site, email="new@example.test")
    found = User.objects.none()
    monkeypatch.setattr(User.objects, "filter", lambda **_: found)

    answer = register(stranger)

    monkeypatch.undo()
    assert answer.status_code == 400
    assert User.objects.filter(site=site).count() == 1


def test_a_form_that_somebody_else_made_counts_for_nothing(site):
    assert register(browser_of(enforce_csrf_checks=True)).status_code == 403
    assert User.objects.filter(site=site).count() == 0


def test_who_is_signed_in_goes_straight_on(annas):
    assert annas.get("/register", {"next": "/bookshelf"})["Location"] == "/bookshelf"
