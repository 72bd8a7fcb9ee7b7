"""Refusals about value. The root of the tree is ``accounts/refusals.py``."""

from accounts.refusals import Refusal


class AccountMissing(Refusal):
    """There is no account of the kind and asset that the booking needs; redeeming never opens one."""

    step = 8


class AccountLocked(Refusal):
    """The account is closed."""

    step = 8


class CurrencyMismatch(Refusal):
    """The two accounts of a booking are of different assets."""

    step = 8


class InsufficientBalance(Refusal):
    """The booking would leave the account below its floor."""

    step = 8


class ReservationGone(Refusal):
    """The token is of no reservation that its bearer could use: unknown, expired, ended, or somebody else's."""

    step = 7
