"""Redemptions that licensed content, at the desk: read, and taken back exactly."""

import pytest

from accounts.callers import caller_for_browser
from accounts.models import Licence, UserTag
from codes.models import Batch, Code
from tests.admin.desk import World, page_of, text_of
from tests.codes.redeeming import assert_sound, redeem
from tests.content import make_browser, make_item, make_offer, wear
from tests.factories import make_code

pytestmark = pytest.mark.django_db

MATCH = {"match": {"all": ["ProductId:1"]}}
ACTIONS = ["apply_offer", "apply_offer_match", "session_license", "session_license_match"]


def redeemed(world: World, action: str):
    """A redemption of such a code by the claimant, or by a browser in which nobody is signed in."""
    make_offer(make_item(world.site, "b1", ProductId="1"), "2dfe")
    parameters = {"access_control": "2dfe"} | (MATCH if action.endswith("match") else {})
    make_code(world.site, "LICENCE-1", worth_cents=0, action=action, parameters=parameters)
    if action.startswith("apply"):
        return redeem(world.claimant, "LICENCE-1").attempt
    browser = make_browser(world.site)
    return redeem(caller_for_browser(browser, world.site), "LICENCE-1", "", door="add", browser_id=browser.pk).attempt


@pytest.mark.parametrize("action", ACTIONS)
def test_a_redemption_is_shown_and_reversed(world: World, action: str):
    attempt = redeemed(world, action)
    browser = world.sign_in("operator")
    assert attempt.receipt_id in text_of(browser.get(page_of(attempt)))
    assert "offer 2dfe" in text_of(browser.get(page_of(Batch.objects.get(pk=attempt.batch_id))))

    answer = browser.post(page_of(attempt, "reverse"), {"reason": "a mistake", "give_use_back": "on"}, follow=True)

    assert "was reversed" in text_of(answer)
    licence = Licence.objects.get(given_by=attempt.pk)
    assert licence.ended_at is not None
    assert licence.ended_by == world.staff["operator"].claimant_id
    assert Code.objects.get(pk=attempt.code_id).uses == 0
    assert_sound()


def test_reversing_takes_off_the_tags_that_it_put_on_and_no_others(world: World):
    wear(world.claimant, "member")
    before = set(UserTag.objects.values_list("pk", flat=True))
    make_code(world.site, "TAGS-1", worth_cents=0, parameters={"tags": ["member", "institution", "alumni"]})
    attempt = redeem(world.claimant, "TAGS-1").attempt
    assert UserTag.objects.count() == len(before) + 2

    world.sign_in("operator").post(page_of(attempt, "reverse"), {"reason": "a mistake"})

    assert set(UserTag.objects.values_list("pk", flat=True)) == before
    assert_sound()
