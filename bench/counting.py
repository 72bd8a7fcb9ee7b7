"""What must be true after the rounds, whoever redeemed: every redemption is there once, and every invariant holds."""

import io

from django.core.management import CommandError, call_command

from bench import limits


def find_violations(redeemed: int) -> list[str]:
    """What is not as it must be, in words; ``redeemed`` is how many redemptions were answered as done."""
    violations = []
    with limits.lifted() as cursor:
        cursor.execute("SELECT COUNT(*), COUNT(*) FILTER (WHERE outcome = 'redeemed') FROM codes_attempt")
        attempts, stored = cursor.fetchone()
    if stored != redeemed:
        violations.append(f"{redeemed} redemptions were answered as done, and {stored} are stored")
    if attempts != stored:
        violations.append(f"{attempts - stored} attempts were refused")
    said = io.StringIO()
    try:
        call_command("check_invariants", stdout=said)
    except CommandError as error:
        violations.append(f"{error} {said.getvalue().strip().splitlines()[-5:]}")
    return violations
