"""Who asks, as the deeds know them."""

import pytest

from accounts import heartbeats
from accounts.callers import caller_for_browser
from accounts.models import Heartbeat
from tests.content import make_browser
from tests.factories import caller_of, make_client, make_site, make_user

pytestmark = pytest.mark.django_db


def test_a_login_acts_for_itself_alone():
    user = make_user(claimant_id="u-7")
    caller = caller_of(user)

    assert (caller.site_id, caller.key, caller.actor_id) == (user.site_id, f"user:{user.pk}", "u-7")
    assert caller.may_act_for(user.pk)
    assert not caller.may_act_for(make_user(user.site).pk)


def test_a_client_is_known_by_its_prefix_and_brings_the_limits_of_its_site():
    site = make_site(guesses_per_client=1, guesses_per_network=2, guesses_in_total=3)
    new = make_client(site, scopes=["redeem", "read"])
    caller = caller_of(new)

    assert (caller.site_id, caller.key, caller.actor_id) == (site.pk, f"client:{new.client.pk}", new.client.prefix)
    assert caller.scopes == {"redeem", "read"}
    assert (caller.guesses_per_client, caller.guesses_per_network, caller.guesses_in_total) == (1, 2, 3)


def test_a_browser_acts_for_nobody_and_guesses_ten_times():
    site = make_site(guesses_per_network=2, guesses_in_total=3)
    user, browser = make_user(site), make_browser(site)
    caller = caller_for_browser(browser, site, "10.0.0.1")

    assert (caller.site_id, caller.key, caller.actor_id) == (site.pk, f"browser:{browser.pk}", f"browser:{browser.pk}")
    assert (caller.user_id, caller.client_id, caller.scopes) == (None, None, frozenset())
    assert not caller.may_act_for(user.pk)
    assert (caller.guesses_per_client, caller.guesses_per_network, caller.guesses_in_total) == (10, 2, 3)
    assert caller.network == "10.0.0.1"


def test_keys_of_people_programs_and_browsers_never_meet():
    user = make_user()
    keys = {
        caller_of(user).key,
        caller_of(make_client(user.site)).key,
        caller_for_browser(make_browser(user.site), user.site).key,
    }

    assert len(keys) == 3


def test_a_process_says_that_it_lives(settings):
    heartbeats.beat("worker")
    heartbeats.beat("worker")
    settings.CLOCK_OFFSET_SECONDS = 31

    assert Heartbeat.objects.count() == 1
    assert 30 <= heartbeats.ages_in_seconds()["worker"] < 40
