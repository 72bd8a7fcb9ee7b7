"""What only the doors of the loyalty programme can hear: why points are not reserved, and why a spending is not taken back.

They are no part of the tree of refusals, for no other protocol can raise them; each door puts them in its own words.
"""


class PointsRefused(Exception):
    """An expected no of the loyalty programme's. Nothing has changed."""


class MemberNotEligible(PointsRefused):
    """The member is not active."""


class ContributionsNotAllowed(PointsRefused):
    """The member has no household, or one whose shares are found in proportion."""


class ContributorRefused(PointsRefused):
    """One contributor keeps the points from being reserved: ``account_id`` is theirs, as the request names them."""

    def __init__(self, account_id: str) -> None:
        super().__init__(account_id)
        self.account_id = account_id


class ContributorInvalid(ContributorRefused):
    """They are no active member of the household, or their points are no whole number from 0 on."""


class ContributorShort(ContributorRefused):
    """They have fewer points available than the request has them give."""


class ContributionsDiffer(PointsRefused):
    """The contributions do not add up to the amount."""


class NotEnoughPoints(PointsRefused):
    """All who may contribute have less available, together, than is to be reserved."""


class AmountIncreased(PointsRefused):
    """A reservation is never made larger."""


class SpendingNotFound(PointsRefused):
    """No transaction of the site has this ID."""


class SpendingOfAnother(PointsRefused):
    """Another member redeemed."""


class SpendingVoided(PointsRefused):
    """It was taken back before."""


class VoidNotAllowed(PointsRefused):
    """The transaction is no redemption, or an account that gave points takes none back."""


class SpendingTooOld(PointsRefused):
    """It was booked more than ``days`` days ago."""

    def __init__(self, days: int) -> None:
        super().__init__(days)
        self.days = days
