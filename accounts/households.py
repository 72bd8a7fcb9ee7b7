"""Households of loyalty members: made, their mode, who belongs to them. Source: loyalty protocol, section 7.

Whoever changes who belongs to a household, or their roles, has locked the household's row first and the members' after it; who
spends a household's points locks it too, so the contributors cannot change meanwhile.
"""

from accounts.models import Household, Member, Site

MOST_MEMBERS = 100  # Their accounts are all locked by one reservation.


def create_household(site: Site, household_id: str = "", mode: str = "proportional", *, actor_id: str) -> Household:
    """An empty household; without an ID it gets a fresh GUID. Its ID stays. Raises ValidationError."""
    raise NotImplementedError


def change_mode(household: Household, mode: str, *, actor_id: str, reason: str) -> bool:
    """How shares are found from now on; reservations that were made stay. False if it was so before."""
    raise NotImplementedError


def join(member: Member, household: Household, role: str = "member", *, actor_id: str) -> Member:
    """Let a member of no household join one of their site; a new primary takes the place of the old. Raises ValidationError."""
    raise NotImplementedError


def change_role(member: Member, role: str, *, actor_id: str) -> Member:
    """``primary`` or ``member``; a new primary takes the place of the old. Raises ValidationError."""
    raise NotImplementedError


def leave(member: Member, *, actor_id: str, reason: str) -> Member:
    """Out of their household; points they hold for its reservations stay held. Raises ValidationError."""
    raise NotImplementedError
