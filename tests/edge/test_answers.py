"""The table of answers is total, and says what the flow's section 4 says, word for word."""

from accounts.refusals import Refusal
from redemption_site.edge.answers import ANSWERS, STEP_NAMES, retry_after_seconds
from tests.edge.flow_table import CARRY_RETRY_AFTER, ROWS, STEP_OF

# Of access codes, and of reversing and handing out, which are deeds of their own.
BEYOND_THE_FLOW = {
    "sign_in_needed": (401, False, "Sign in to redeem this code.", ["sign_in"]),
    "offer_gone": (409, False, "The offer for this code is no longer available.", ["contact_support"]),
    "no_matching_content": (409, False, "There is no content for this code right now.", ["contact_support"]),
    "too_many_matches": (409, False, "This code would open too many items at once.", ["contact_support"]),
    "redemption_not_found": (404, False, "This redemption does not exist.", ["none"]),
    "already_reversed": (409, False, "This redemption has already been reversed.", ["none"]),
    "date_invalid": (400, False, "The date of the redemption is not valid.", ["fix_request"]),
    "offset_invalid": (400, False, "The offset of the redemption's time is not valid.", ["fix_request"]),
    "batch_not_found": (404, False, "This batch does not exist.", ["none"]),
    "batch_not_active": (409, False, "This batch is not active.", ["contact_support"]),
    "reservation_gone": (409, False, "This reservation does not exist or has ended.", ["none"]),
    "no_code_left": (409, False, "No code of this batch is left.", ["contact_support"]),
}


def test_every_refusal_of_the_tree_has_an_answer_and_no_answer_lacks_its_refusal():
    assert set(ANSWERS) == set(Refusal.tree())


def test_the_table_is_the_flows():
    ours = {
        refusal.reason: (answer.status, refusal.retryable, answer.message, list(answer.next_steps))
        for refusal, answer in ANSWERS.items()
    }

    assert ours == ROWS | BEYOND_THE_FLOW


def test_each_reason_belongs_to_the_step_that_the_flow_names():
    ours = {refusal.reason: (refusal.step, STEP_NAMES[refusal.step]) for refusal in ANSWERS}

    assert {reason: step for reason, step in ours.items() if reason not in BEYOND_THE_FLOW} == STEP_OF


def test_those_that_carry_retry_after_do_and_the_others_do_not():
    carrying = {refusal.reason for refusal in ANSWERS if retry_after_seconds(refusal()) is not None}

    assert carrying == CARRY_RETRY_AFTER


def test_the_refusals_own_wait_goes_before_the_tables():
    for refusal in ANSWERS:
        if refusal.reason in CARRY_RETRY_AFTER:
            assert retry_after_seconds(refusal(retry_after_seconds=77)) == 77
            assert (retry_after_seconds(refusal()) or 0) >= 1
