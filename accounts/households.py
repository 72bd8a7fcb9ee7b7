"""Households of loyalty members: made, their mode, who belongs to them. Source: loyalty protocol, section 7.

Whoever changes who belongs to a household, or their roles, has locked the household's row first and the members' after it; who
spends a household's points locks it too, so the contributors cannot change meanwhile.
"""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts import auditing, clock, locking
from accounts.models import Household, Member, Site
from accounts.models.households import LONGEST_ID, new_id
from accounts.wording import check_line

PROPORTIONAL = Household.Mode.PROPORTIONAL.value
CHANGED = "Their household has changed meanwhile. Nothing was changed."
MOST_MEMBERS = 100  # Their accounts are all locked by one reservation.


def create_household(site: Site, household_id: str = "", mode: str = PROPORTIONAL, *, actor_id: str) -> Household:
    """An empty household; without an ID it gets a fresh GUID. Its ID stays. Raises ValidationError."""
    household_id = household_id or new_id()
    check_line("household_id", household_id, LONGEST_ID)
    check_choice("mode", mode, Household.Mode.values)
    try:
        with transaction.atomic():
            made = Household.objects.create(site=site, household_id=household_id, mode=mode, created_at=clock.read())
            _audit("household.create", made, actor_id, {"mode": mode})
    except IntegrityError as error:
        raise ValidationError({"household_id": ["This site has a household of this ID already."]}) from error
    return made


def change_mode(household: Household, mode: str, *, actor_id: str, reason: str) -> bool:
    """How shares are found from now on; reservations that were made stay. False if it was so before."""
    check_choice("mode", mode, Household.Mode.values)
    with transaction.atomic(durable=True):
        row = lock(household.pk)
        if row.mode == mode:
            return False
        was, row.mode = row.mode, mode
        row.save(update_fields=["mode"])
        _audit("household.change", row, actor_id, {"mode": mode, "was": was, "reason": reason.strip()[:200]})
    return True


def join(member: Member, household: Household, role: str = "member", *, actor_id: str) -> Member:
    """Let a member of no household join one of their site; a new primary takes the place of the old. Raises ValidationError."""
    check_choice("role", role, Member.Role.values)
    if member.site_id != household.site_id:
        raise ValidationError({"member": ["Member and household are of different sites."]})
    with transaction.atomic():
        row = lock(household.pk)
        found = lock_members(member, row, role)
        joining = found.pop(member.pk)
        if joining.household_id:
            raise ValidationError({"member": ["They are in a household already, and must leave it first."]})
        if joining.status == Member.Status.CLOSED:
            raise ValidationError({"member": ["They are closed."]})
        # All who join have locked the household, so nobody is counted while they come.
        if row.members.count() >= MOST_MEMBERS:
            raise ValidationError({"member": [f"A household has at most {MOST_MEMBERS} members."]})
        joining.household, joining.role = row, role
        replaced = write_role(joining, found.values())
        detail = {"member": joining.account_id, "role": role, **({"replaced": replaced} if replaced else {})}
        _audit("household.join", row, actor_id, detail)
    return joining


def change_role(member: Member, role: str, *, actor_id: str) -> bool:
    """``primary`` or ``member``; a new primary takes the place of the old; False if it was theirs. Raises ValidationError."""
    check_choice("role", role, Member.Role.values)
    with transaction.atomic(durable=True):
        household = lock_of(member)
        found = lock_members(member, household, role)
        changing = still_in(found.pop(member.pk, None), household)
        if changing.role == role:
            return False
        changing.role = role
        replaced = write_role(changing, found.values())
        detail = {"member": changing.account_id, "role": role, **({"replaced": replaced} if replaced else {})}
        _audit("household.change_role", household, actor_id, detail)
    return True


def leave(member: Member, *, actor_id: str, reason: str) -> Member:
    """Out of their household; points they hold for its reservations stay held. Raises ValidationError."""
    with transaction.atomic(durable=True):
        household = lock_of(member)
        leaving = still_in(locking.lock_ids(Member, [member.pk]).get(member.pk), household)
        take_out(leaving, household, actor_id, reason)
    return leaving


def take_out(member: Member, household: Household, actor_id: str, reason: str) -> None:
    """Both are locked, the household first."""
    member.household, member.role = None, ""
    member.save(update_fields=["household", "role"])
    detail = {"member": member.account_id, "reason": reason.strip()[:200]}
    _audit("household.leave", household, actor_id, detail)


def lock(household_id: int) -> Household:
    [row] = locking.lock_ids(Household, [household_id]).values()
    return row


def lock_of(member: Member) -> Household:
    """The household in which they are now. Raises ValidationError where they are in none."""
    found = Member.objects.filter(pk=member.pk).values_list("household_id", flat=True).first()
    if found is None:
        raise ValidationError("They are in no household.")
    return lock(found)


def lock_members(member: Member, household: Household, role: str) -> dict[int, Member]:
    """The member by key, and where somebody becomes primary the present one: no more, for redemptions write members too."""
    rows = Q(pk=member.pk)
    if role == Member.Role.PRIMARY:
        rows |= Q(household=household, role=Member.Role.PRIMARY)
    return {each.pk: each for each in locking.lock_rows(Member.objects.filter(rows))}


def still_in(member: Member | None, household: Household) -> Member:
    if member is None or member.household_id != household.pk:
        raise ValidationError(CHANGED)
    return member


def write_role(member: Member, others: Iterable[Member]) -> str:
    """Write the member's household and role; where they are primary now, the account ID of who was it before."""
    before = [each for each in others if each.role == member.role == Member.Role.PRIMARY]
    for each in before:
        each.role = Member.Role.MEMBER
        each.save(update_fields=["role"])
    member.save(update_fields=["household", "role"])
    return before[0].account_id if before else ""


def check_choice(field: str, value: str, known: Iterable[str]) -> None:
    if value not in known:
        raise ValidationError({field: [f"One of {', '.join(known)}."]})


def _audit(action: str, row: Household, actor_id: str, detail: dict[str, Any]) -> None:
    auditing.record(
        action,
        site=row.site_id,
        actor_id=actor_id,
        object_type="household",
        object_id=row.pk,
        detail={"household_id": row.household_id, **detail},
    )
