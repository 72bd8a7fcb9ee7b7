"""The desk's door: e-mail and password, staff only, and a lock for those who guess."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditRecord, User
from tests.admin.desk import World
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db
LOGIN = "/admin/login/"


def send(browser: Client, email: str, password: str = PASSWORD, where: str = LOGIN):
    return browser.post(where, {"username": email, "password": password})


def test_staff_sign_in_by_email_and_land_on_the_first_page(world: World):
    browser = Client()
    answer = send(browser, world.staff["support"].email.upper())

    assert answer.status_code == 302
    assert answer["Location"] == reverse("admin:index")
    assert browser.get(answer["Location"]).status_code == 200


def test_the_desk_is_found_without_its_slash():
    assert Client().get("/admin").headers["Location"] == "/admin/"


def test_signing_in_leads_on_to_the_page_that_was_asked_for_and_never_to_another_host(world: World):
    email = world.staff["support"].email
    wanted = reverse("admin:codes_batch_changelist")

    assert send(Client(), email, where=f"{LOGIN}?next={wanted}")["Location"] == wanted
    assert "evil" not in send(Client(), email, where=f"{LOGIN}?next=//evil.example/")["Location"]


def test_an_address_longer_than_a_username_can_sign_in(world: World):
    long = f"{'x' * 60}@example.test"
    User.objects.create_user(None, long, PASSWORD, is_staff=True)

    assert send(Client(), long).status_code == 302


@pytest.mark.parametrize("who", ["claimant", "unknown", "wrong password", "switched off", "no address"])
def test_everybody_else_hears_one_and_the_same_answer(world: World, who: str):
    email, password = world.staff["support"].email, PASSWORD
    if who == "claimant":
        email = world.claimant.email
    if who == "unknown":
        email = "nobody@example.test"
    if who == "wrong password":
        password = "guessed"
    if who == "switched off":
        User.objects.filter(email=email).update(is_active=False)
    if who == "no address":
        email = "nobody"
    browser = Client()
    answer = send(browser, email, password)

    assert answer.status_code == 200
    page = answer.content.decode()
    expected = "Enter a valid email address" if who == "no address" else "do not match an account of the staff"
    assert expected in page
    assert password not in page
    assert browser.get(reverse("admin:index")).status_code == 302


def test_who_guesses_is_locked_out_and_told_for_how_long(world: World):
    email = world.staff["support"].email
    browser = Client()
    for _ in range(10):
        send(browser, email, "guessed")
    answer = send(browser, email)

    assert "Too many attempts to sign in. Try again in" in answer.content.decode()
    assert browser.get(reverse("admin:index")).status_code == 302


def test_signing_in_changes_the_session_and_signing_out_ends_it(world: World):
    browser = Client()
    browser.get(LOGIN)
    before = browser.session.session_key
    send(browser, world.staff["support"].email)

    assert browser.session.session_key != before
    assert browser.get(reverse("admin:logout")).status_code == 405
    assert browser.post(reverse("admin:logout"))["Location"] == reverse("admin:login")
    assert browser.get(reverse("admin:index")).status_code == 302


def test_changing_ones_own_password_is_audited_and_bad_ones_change_nothing(world: World):
    staff, browser = world.staff["support"], world.sign_in("support")
    new = "quite another phrase"
    for form in ({"old_password": "wrong", "new_password1": new, "new_password2": new}, {}):
        assert browser.post(reverse("admin:password_change"), form).status_code == 200
    assert not AuditRecord.objects.filter(action="user.change_password").exists()

    browser.post(
        reverse("admin:password_change"), {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    )
    staff.refresh_from_db()
    assert staff.check_password(new)
    assert AuditRecord.objects.get(action="user.change_password").object_id == staff.claimant_id
    assert browser.get(reverse("admin:index")).status_code == 200  # Still signed in here.


def test_the_username_is_never_shown(world: World):
    signed_in_claimant = Client()
    signed_in_claimant.force_login(world.claimant)
    staff = world.sign_in("support")

    assert world.claimant.username not in signed_in_claimant.get(LOGIN).content.decode()
    assert world.staff["support"].username not in staff.get(reverse("admin:index")).content.decode()


def test_a_form_from_elsewhere_changes_nothing(world: World):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(world.staff["manager"])
    for name in ("codes_code_find", "accounts_client_create", "codes_batch_issue"):
        assert browser.post(reverse(f"admin:{name}"), {}).status_code == 403


def test_the_desk_speaks_english_whatever_the_browser_asks_for(world: World):
    page = world.sign_in("support").get(reverse("admin:codes_batch_changelist"), headers={"accept-language": "de"})

    assert "Batches" in page.content.decode()
    assert '<html lang="en"' in page.content.decode()
    # Browsers would else send every form with "Origin: null", and none would be accepted.
    assert page["Referrer-Policy"] == "strict-origin"
