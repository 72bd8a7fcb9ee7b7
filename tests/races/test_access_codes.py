"""Codes that give access, redeemed at one moment through the door "add" and through the API: each use goes to one of them."""

import pytest
from django.db import IntegrityError

from accounts.callers import caller_for_browser, caller_for_user
from accounts.models import BrowserLogin, Licence, UserTag
from codes.models import Attempt, Code
from codes.redemption.commands import RedeemCode
from codes.redemption.engine import redeem_codes
from tests.content import make_browser, make_item, make_offer
from tests.races.crowd import each_at_once, words

pytestmark = pytest.mark.races

PEOPLE = 20
ROUNDS = 10


class Heard:
    """What somebody heard at the door "add", as an Answer of the API says it."""

    def __init__(self, outcome):
        self.word = outcome.refusal.reason if outcome.refusal else "redeemed"
        self.receipt = outcome.refusal.receipt_number if outcome.refusal else outcome.attempt.receipt_number


def add(arena, text, *, user=None, browser=None):
    """Somebody redeems at "add", in a process like the web server's."""

    def deed(line):
        caller = caller_for_user(user, arena.site) if user else caller_for_browser(browser, arena.site)
        claimant_id = user.claimant_id if user else ""
        command = RedeemCode(caller, text, claimant_id, door="add", browser_id=browser.pk if browser else None)
        return Heard(redeem_codes([command])[0])

    return deed


def licensing(arena, action="apply_offer", **fields):
    """A fresh code that licenses a fresh item, and how it reads."""
    offer = make_offer(make_item(arena.site))
    return arena.code(
        worth_cents=0, action=action, parameters={"access_control": offer.external_id}, **{"uses": 1, **fields}
    )


def given(code):
    """The licences that redemptions of the code gave."""
    return Licence.objects.filter(given_by__in=Attempt.objects.filter(code=code).values("pk"))


@pytest.mark.parametrize("by_api", [0, PEOPLE // 2])
def test_20_people_redeem_a_single_use_offer_and_one_of_them_gets_it(unguarded, guarded, by_api):
    """Case 32, at "add" alone and with half of them at the API."""

    def race(arena):
        code, text = licensing(arena)
        people = arena.claimants[:PEOPLE]
        deeds = [add(arena, text, user=user) for user in people[by_api:]]
        asks = [arena.redeem(text, user) for user in people[:by_api]]
        deeds += [lambda line, ask=ask: line.ask(ask) for ask in asks]
        return Code.objects.get(pk=code.pk), words(each_at_once(arena.web.port, deeds)), given(code)

    with unguarded:
        _, heard, licences = race(unguarded)
        assert heard["redeemed"] > 1
        assert licences.count() > 1

    with guarded:
        code, heard, licences = race(guarded)
        assert heard == {"redeemed": 1, "code_used_up": PEOPLE - 1}
        [licence] = licences
        [attempt] = Attempt.objects.filter(code=code, outcome="redeemed")
        assert (licence.user, licence.given_by) == (attempt.claimant, attempt.pk)
        code.refresh_from_db()
        assert (code.uses, code.redemptions, code.state) == (1, 1, "used_up")


def test_20_people_redeem_a_single_use_tag_code_and_one_of_them_wears_the_tags(unguarded, guarded):
    def race(arena):
        arena.tags_made = getattr(arena, "tags_made", 0) + 1
        names = [f"member {arena.tags_made}", f"institution {arena.tags_made}"]
        _, text = arena.code(worth_cents=0, action="add_tags", parameters={"tags": names})
        heard = each_at_once(arena.web.port, [add(arena, text, user=user) for user in arena.claimants[:PEOPLE]])
        return words(heard), UserTag.objects.filter(tag__site=arena.site, tag__name__in=names)

    with unguarded:
        heard, worn = race(unguarded)
        assert heard["redeemed"] > 1
        assert worn.values("user").distinct().count() > 1

    with guarded:
        heard, worn = race(guarded)
        assert heard == {"redeemed": 1, "code_used_up": PEOPLE - 1}
        assert worn.values("user").distinct().count() == 1
        assert worn.count() == 2


def test_one_browser_posts_a_session_code_20_times_at_once_and_takes_one_use(unguarded, guarded):
    def race(arena):
        code, text = licensing(arena, "session_license", uses=PEOPLE)
        browser = make_browser(arena.site)
        heard = each_at_once(arena.web.port, [add(arena, text, browser=browser) for _ in range(PEOPLE)])
        return Code.objects.get(pk=code.pk), heard, given(code)

    with unguarded:
        _, heard, licences = race(unguarded)
        assert words(heard)["redeemed"] > 1
        assert licences.count() > 1

    with guarded:
        code, heard, licences = race(guarded)
        assert words(heard) == {"redeemed": 1, "already_redeemed": PEOPLE - 1}
        # Whoever came second has the receipt of the first.
        assert len({each.receipt for each in heard}) == 1
        assert (code.uses, licences.count()) == (1, 1)


def test_20_browsers_post_a_session_code_of_three_uses_and_three_of_them_are_opened(unguarded, guarded):
    def race(arena):
        code, text = licensing(arena, "session_license", uses=3)
        browsers = [make_browser(arena.site) for _ in range(PEOPLE)]
        heard = each_at_once(arena.web.port, [add(arena, text, browser=browser) for browser in browsers])
        return words(heard), given(code)

    with unguarded:
        heard, licences = race(unguarded)
        assert heard["redeemed"] > 3
        assert licences.count() > 3

    with guarded:
        heard, licences = race(guarded)
        assert heard == {"redeemed": 3, "code_used_up": PEOPLE - 3}
        assert licences.values("browser").distinct().count() == licences.count() == 3


def test_a_browser_login_that_ends_meanwhile_leaves_no_licence_and_no_failure(guarded):
    """What guards here is PostgreSQL's own foreign key, which cannot be taken out; either deed may be the faster one."""
    with guarded:
        for _ in range(ROUNDS):
            code, text = licensing(guarded, "session_license")
            browser = make_browser(guarded.site)

            def end(line, browser=browser):
                try:
                    BrowserLogin.objects.filter(pk=browser.pk).delete()
                except IntegrityError:
                    return False  # A licence came meanwhile: a later sweep finds both.
                return True

            heard, ended = each_at_once(guarded.web.port, [add(guarded, text, browser=browser), end])
            code.refresh_from_db()
            assert heard.word in ("redeemed", "target_missing")
            assert code.uses == (1 if heard.word == "redeemed" else 0)
            assert given(code).count() == (0 if ended or heard.word != "redeemed" else 1)
