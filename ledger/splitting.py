"""Splitting an amount over contributors in proportion to what each can give. Source: ad hoc redemption, section 7."""

from collections.abc import Mapping


def split(amount: int, weights: Mapping[str, int]) -> dict[str, int]:
    """What each contributor gives of ``amount``: whole units that add up to exactly it, nobody more than their weight.

    ``weights`` are whole units of 0 or more by account ID. Whoever gives nothing is left out. The order of the contributors
    makes no difference: what rounding leaves goes to the largest remainders, of equal ones to the larger weights, and of
    those to the first account IDs. Raises ValueError where the amount is less than 1, or more than all of them have.
    """
    total = sum(weights.values())
    if not 1 <= amount <= total or min(weights.values()) < 0:
        raise ValueError("An amount is from 1 to what the contributors have together.")
    shares = {account: amount * weight // total for account, weight in weights.items()}
    left = amount - sum(shares.values())

    def rank(account: str) -> tuple[int, int, str]:
        return -(amount * weights[account] % total), -weights[account], account

    for account in sorted(weights, key=rank)[:left]:
        shares[account] += 1
    return {account: share for account, share in shares.items() if share}
