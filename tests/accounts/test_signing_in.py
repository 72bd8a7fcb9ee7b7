"""Signing in by e-mail on one's own site, and the lock-out that stops guessing."""

import time
from types import SimpleNamespace

import pytest
from django.contrib.auth import authenticate

from accounts.models import FailureBudget, User
from accounts.signing_in import FAILURES_PER_ADDRESS, FAILURES_PER_EMAIL
from tests.factories import PASSWORD, make_site, make_staff, make_user

NETWORK = "192.0.2.7"


def sign_in(site, email, password=PASSWORD, network=NETWORK):
    """What a page's form does; ``request`` is what the edge makes of a request."""
    request = SimpleNamespace(site=site, META={"REMOTE_ADDR": network})
    return authenticate(request, username=email, password=password)


def fail(site, email, times, network=NETWORK):
    for _ in range(times):
        assert sign_in(site, email, "wrong", network) is None


@pytest.mark.django_db
class TestWho:
    def test_claimants_sign_in_on_their_own_site_whatever_the_case_of_the_email(self):
        user = make_user(email="ada@example.test")

        assert sign_in(user.site, " ADA@example.test ") == user

    def test_a_claimant_of_another_site_is_nobody_here(self):
        user = make_user(email="ada@example.test")

        assert sign_in(make_site(), user.email) is None
        assert sign_in(None, user.email) is None

    def test_one_email_is_two_people_on_two_sites(self):
        here = make_user(email="ada@example.test", password="the one from here")
        there = make_user(email="ada@example.test", password="the one from there")

        assert sign_in(here.site, here.email, "the one from here") == here
        assert sign_in(there.site, here.email, "the one from there") == there
        assert sign_in(here.site, here.email, "the one from there") is None

    def test_staff_sign_in_on_every_host(self):
        staff = make_staff(make_site())

        assert sign_in(make_site(), staff.email) == staff
        assert sign_in(None, staff.email) == staff

    def test_staff_of_a_site_sign_in_elsewhere_too(self):
        staff = make_user(make_site(), is_staff=True)

        assert sign_in(make_site(), staff.email) == staff

    def test_who_is_claimant_and_staff_is_told_apart_by_the_password(self):
        site = make_site()
        claimant = make_user(site, email="both@example.test", password="as a claimant")
        staff = make_staff(site, email="both@example.test", password="as staff")

        assert sign_in(site, "both@example.test", "as a claimant") == claimant
        assert sign_in(site, "both@example.test", "as staff") == staff

    def test_somebody_switched_off_cannot_sign_in_and_is_signed_out(self):
        user = make_user(is_active=False)

        assert sign_in(user.site, user.email) is None
        from accounts.signing_in import EmailBackend

        assert EmailBackend().get_user(user.pk) is None

    @pytest.mark.parametrize(("email", "password"), [("", PASSWORD), ("ada@example.test", ""), ("", "")])
    def test_an_empty_form_is_nobody_and_counts_nothing(self, email, password):
        user = User.objects.create_user(make_site(), "", None)

        assert sign_in(user.site, email, password) is None
        assert not FailureBudget.objects.exists()

    def test_unknown_and_known_emails_cost_the_same_work(self, settings, monkeypatch):
        user = make_user()
        hashed = []
        hasher = "django.contrib.auth.hashers.MD5PasswordHasher.encode"
        from django.contrib.auth.hashers import MD5PasswordHasher

        encode = MD5PasswordHasher.encode
        monkeypatch.setattr(hasher, lambda *args: hashed.append(1) or encode(*args))

        sign_in(user.site, user.email, "wrong")
        known = len(hashed)
        sign_in(user.site, "nobody@example.test", "wrong")

        assert known == 1
        assert len(hashed) - known == known


@pytest.mark.django_db
class TestLockOut:
    def test_ten_failures_lock_an_email_out_and_the_right_password_with_it(self, settings):
        user = make_user()
        fail(user.site, user.email, FAILURES_PER_EMAIL)

        assert sign_in(user.site, user.email) is None

        settings.CLOCK_OFFSET_SECONDS = 14 * 60
        assert sign_in(user.site, user.email) is None
        settings.CLOCK_OFFSET_SECONDS = 15 * 60 + 1
        assert sign_in(user.site, user.email) == user

    def test_trying_on_while_locked_out_does_not_prolong_it(self, settings):
        user = make_user()
        fail(user.site, user.email, FAILURES_PER_EMAIL)
        settings.CLOCK_OFFSET_SECONDS = 14 * 60
        fail(user.site, user.email, 20)

        settings.CLOCK_OFFSET_SECONDS = 15 * 60 + 1
        assert sign_in(user.site, user.email) == user

    def test_nine_failures_do_not_lock_out(self):
        user = make_user()
        fail(user.site, user.email, FAILURES_PER_EMAIL - 1)

        assert sign_in(user.site, user.email) == user

    def test_signing_in_costs_nothing_and_forgives_nothing(self):
        user = make_user()
        fail(user.site, user.email, FAILURES_PER_EMAIL - 1)
        for _ in range(5):
            assert sign_in(user.site, user.email) == user

        fail(user.site, user.email, 1)
        assert sign_in(user.site, user.email) is None

    def test_signing_in_leaves_no_budget_behind(self):
        user = make_user()

        assert sign_in(user.site, user.email) == user
        assert not FailureBudget.objects.exists()

    def test_only_the_guessed_email_is_locked_out(self):
        site = make_site()
        user, other = make_user(site), make_user(site)
        fail(site, user.email, FAILURES_PER_EMAIL)

        assert sign_in(site, other.email) == other

    def test_the_same_email_on_another_site_is_not_locked_out(self):
        user, namesake = make_user(email="ada@example.test"), make_user(email="ada@example.test")
        fail(user.site, user.email, FAILURES_PER_EMAIL)

        assert sign_in(namesake.site, namesake.email) == namesake

    def test_unknown_emails_are_counted_like_known_ones(self):
        user = make_user()
        fail(user.site, "late@example.test", FAILURES_PER_EMAIL)
        late = make_user(user.site, email="late@example.test")

        assert sign_in(user.site, late.email) is None

    def test_a_hundred_failures_from_one_network_lock_it_out_and_no_other(self):
        user = make_user()
        for number in range(FAILURES_PER_ADDRESS):
            fail(user.site, f"guess-{number}@example.test", 1)

        assert sign_in(user.site, user.email) is None
        assert sign_in(user.site, user.email, network="198.51.100.1") == user

    def test_the_network_is_what_the_edge_says_it_is(self):
        """Behind a proxy every request has the proxy's address, and one guesser would lock everybody out."""
        user = make_user()

        def from_behind_a_proxy(network, email, password):
            request = SimpleNamespace(site=user.site, network=network, META={"REMOTE_ADDR": "10.0.0.1"})
            return authenticate(request, username=email, password=password)

        for number in range(FAILURES_PER_ADDRESS):
            from_behind_a_proxy("192.0.2.1", f"guess-{number}@example.test", "wrong")

        assert from_behind_a_proxy("192.0.2.1", user.email, PASSWORD) is None
        assert from_behind_a_proxy("192.0.2.2", user.email, PASSWORD) == user

    def test_what_was_typed_rests_nowhere(self):
        fail(make_site(), "secret-typed-here@example.test", 1)

        stored = repr([(bytes(row.scope), row.failures) for row in FailureBudget.objects.all()])
        assert "secret-typed-here" not in stored


@pytest.mark.races
def test_a_parallel_burst_gets_no_more_looks_at_the_password_than_one_after_another(committed_db, monkeypatch):
    user = make_user()
    looks = []

    def look(self, password):
        looks.append(password)
        time.sleep(0.05)  # A real hash takes its time too, and every guess of the burst is in it at once.
        return False

    monkeypatch.setattr(User, "check_password", look)
    guesses = [lambda number=number: sign_in(user.site, user.email, f"guess {number}") for number in range(30)]

    assert committed_db.together(*guesses) == [None] * 30
    assert len(looks) == FAILURES_PER_EMAIL
