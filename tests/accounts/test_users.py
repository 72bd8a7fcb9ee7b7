"""Users: known per site by claimant ID and e-mail, and what the database refuses about them."""

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction

from accounts.models import Site, User
from tests.factories import PASSWORD, make_site, make_user

pytestmark = pytest.mark.django_db


def refused(**fields):
    with pytest.raises(IntegrityError), transaction.atomic():
        make_user(**fields)


def test_a_claimant_id_is_unique_within_its_site_and_free_elsewhere():
    site = make_site()
    make_user(site, claimant_id="u-1001")

    refused(site=site, claimant_id="u-1001")
    assert make_user(make_site(), claimant_id="u-1001").claimant_id == "u-1001"


def test_claimant_ids_are_compared_exactly():
    site = make_site()

    for claimant_id in ("u-1", "U-1", " u-1", "u-1 ", "ü-1", "u\u0308-1"):
        make_user(site, claimant_id=claimant_id, email="")

    assert User.objects.get(site=site, claimant_id="U-1").claimant_id == "U-1"


def test_an_empty_claimant_id_is_refused():
    refused(claimant_id="", email="")


def test_absent_claimant_ids_and_usernames_are_generated():
    site = make_site()

    one, other = (User.objects.create_user(site, email) for email in ("a@example.test", "b@example.test"))

    assert one.claimant_id.startswith("u-")
    assert one.claimant_id != other.claimant_id
    assert one.username != other.username


def test_an_email_is_unique_within_its_site_and_free_elsewhere():
    site = make_site()
    make_user(site, email="ada@example.test")

    refused(site=site, email="ADA@example.test ")
    make_user(make_site(), email="ada@example.test")
    make_user(site, email="")
    make_user(site, email="")


def test_emails_rest_in_lower_case():
    assert make_user(email=" Ada@Example.TEST ").email == "ada@example.test"

    user = make_user()
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=user.pk).update(email="Ada@example.test")


def test_staff_share_no_email_whatever_their_sites_are():
    make_user(make_site(), email="boss@example.test", is_staff=True)

    refused(site=make_site(), email="boss@example.test", is_staff=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user(None, "boss@example.test", is_staff=True)
    make_user(make_site(), email="boss@example.test")  # A claimant may have the e-mail of a member of staff.


def test_passwords_rest_hashed():
    user = make_user()

    assert PASSWORD not in user.password
    assert user.check_password(PASSWORD)


def test_a_user_without_a_password_can_never_sign_in():
    user = User.objects.create_user(make_site(), "a@example.test")

    assert not user.has_usable_password()


def test_createsuperuser_makes_platform_staff_that_signs_in_by_email(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)

    call_command("createsuperuser", username="ignored", email="Root@example.test", interactive=False, verbosity=0)

    user = User.objects.get(email="root@example.test")
    assert (user.site, user.is_staff, user.is_superuser) == (None, True, True)
    assert user.check_password(PASSWORD)


def test_the_slug_redemptions_is_refused():
    with pytest.raises(IntegrityError), transaction.atomic():
        make_site(slug="redemptions")


@pytest.mark.parametrize(("name", "known"), [("Europe/Berlin", True), ("UTC", True), ("Berlin", False), ("", False)])
def test_a_site_says_which_time_zones_there_are(name, known):
    site = Site(slug="a", name="A", domain="a.localhost", time_zone=name, created_at="2026-01-01T00:00:00Z")

    problems = {}
    try:
        site.full_clean()
    except Exception as error:
        problems = error.message_dict

    assert ("time_zone" not in problems) is known


def test_two_sites_never_share_a_domain():
    make_site(domain="shop.example.test")

    with pytest.raises(IntegrityError), transaction.atomic():
        make_site(domain="shop.example.test")
