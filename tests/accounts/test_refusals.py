"""Refusals: one tree, and a reason each that is the class's own name."""

from accounts.refusals import ClaimantUnknown, Refusal, TooManyAttempts
from ledger import refusals as _  # noqa: F401 (the tree grows as packages are read)


def test_the_reason_is_the_name_of_the_class():
    assert ClaimantUnknown.reason == "claimant_unknown"
    assert TooManyAttempts.reason == "too_many_attempts"
    assert str(ClaimantUnknown()) == "claimant_unknown"


def test_no_two_refusals_share_a_reason():
    reasons = [refusal.reason for refusal in Refusal.tree()]

    assert len(reasons) == len(set(reasons))
    assert {"claimant_unknown", "insufficient_balance"} <= set(reasons)


def test_steps_are_those_of_the_flow():
    assert all(1 <= refusal.step <= 11 for refusal in Refusal.tree())


def test_refusals_that_say_the_same_are_equal():
    assert ClaimantUnknown() == ClaimantUnknown()
    assert TooManyAttempts(retry_after_seconds=5) != TooManyAttempts(retry_after_seconds=6)
    assert len({ClaimantUnknown(), ClaimantUnknown()}) == 1
