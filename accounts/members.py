"""Writing loyalty members: made of a user, by what they are known, suspended and closed. Source: loyalty protocol, section 4.

The audit tells which identifiers and addresses were changed and never what to: they are people's own, and audit rows stay.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from accounts import auditing, clock, households, locking
from accounts.finding_members import find_member
from accounts.models import Member, MemberEmail, MemberIdentifier, User
from accounts.models.households import LONGEST_ID, new_id
from accounts.models.members import LONGEST_KEY, LONGEST_VALUE, new_loyalty_id
from accounts.wording import check_line

__all__ = [
    "activate",
    "change_loyalty_id",
    "close",
    "create_member",
    "find_member",
    "set_emails",
    "set_identifiers",
    "suspend",
]

Identifiers = Iterable[tuple[str, str]]
Status = Member.Status
MOST_IDENTIFIERS = 50
MOST_EMAILS = 50


def create_member(
    user: User,
    *,
    account_id: str = "",
    loyalty_id: str = "",
    identifiers: Identifiers = (),
    emails: Mapping[str, str] | None = None,
    actor_id: str,
) -> Member:
    """Make the user, who stays who they are, an active member; IDs left empty are drawn. Raises ValidationError by field.

    ``identifiers`` are (type, value) by ``MemberIdentifier.Type``, ``emails`` addresses by key. Their points account is opened
    by the ledger, in the same transaction if the caller has one open.
    """
    if user.site_id is None:
        raise ValidationError({"user": ["Only a claimant of a site can be a member."]})
    account_id, loyalty_id = account_id or new_id(), loyalty_id or new_loyalty_id()
    identifiers, emails = list(identifiers), dict(emails or {})
    collect(
        lambda: check_line("account_id", account_id, LONGEST_ID),
        lambda: check_line("loyalty_id", loyalty_id, LONGEST_ID),
        lambda: checked_identifiers(identifiers),
        lambda: checked_emails(emails),
    )
    try:
        with transaction.atomic():
            made = Member.objects.create(
                user=user, site_id=user.site_id, account_id=account_id, loyalty_id=loyalty_id, created_at=clock.read()
            )
            write_identifiers(made, checked_identifiers(identifiers))
            write_emails(made, emails)
            kinds = sorted({kind for kind, _ in identifiers})
            detail = {"claimant_id": user.claimant_id, "identifiers": kinds, "emails": sorted(emails)}
            _audit("member.create", made, actor_id, detail)
    except IntegrityError as error:
        raise ValidationError(taken(error)) from error
    return made


def change_loyalty_id(member: Member, loyalty_id: str, *, actor_id: str, reason: str) -> bool:
    """A new card: from the commit on only its number finds them; False if it was theirs. Raises ValidationError."""
    check_line("loyalty_id", loyalty_id, LONGEST_ID)
    try:
        with transaction.atomic(durable=True):
            row = lock(member)
            if row.loyalty_id == loyalty_id:
                return False
            row.loyalty_id = loyalty_id
            row.save(update_fields=["loyalty_id"])
            _audit("member.change_card", row, actor_id, {"reason": reason.strip()[:200]})
    except IntegrityError as error:
        raise ValidationError(taken(error)) from error
    return True


def set_identifiers(member: Member, identifiers: Identifiers, *, actor_id: str) -> bool:
    """These (type, value) and no others identify them besides their IDs; False if nothing differed. Raises ValidationError."""
    wanted = checked_identifiers(identifiers)
    with transaction.atomic(durable=True):
        row = lock(member)
        had = {(each.type, each.value): each.pk for each in row.identifiers.all()}
        gone = [each for each in had if each not in wanted]
        new = [each for each in wanted if each not in had]
        row.identifiers.filter(pk__in=[had[each] for each in gone]).delete()
        write_identifiers(row, new)
        if gone or new:
            _audit("member.identifiers", row, actor_id, {"added": kinds_of(new), "removed": kinds_of(gone)})
    return bool(gone or new)


def set_emails(member: Member, emails: Mapping[str, str], *, actor_id: str) -> bool:
    """The whole address book, by key; False if nothing differed. Raises ValidationError."""
    checked_emails(emails)
    with transaction.atomic(durable=True):
        row = lock(member)
        had = dict(row.emails.values_list("key", "address"))
        different = sorted(key for key in {*had, *emails} if had.get(key) != emails.get(key))
        row.emails.filter(key__in=different).delete()
        write_emails(row, {key: emails[key] for key in different if key in emails})
        if different:
            _audit("member.emails", row, actor_id, {"keys": different})
    return bool(different)


def suspend(member: Member, *, actor_id: str, reason: str) -> bool:
    """They start sessions but neither reserve nor give points; points reserved before are still taken. False if not active."""
    with transaction.atomic(durable=True):
        row = lock(member)
        if row.status != Status.ACTIVE:
            return False
        write_status(row, Status.SUSPENDED, "member.suspend", actor_id, reason)
    return True


def close(member: Member, *, actor_id: str, reason: str) -> bool:
    """Nobody finds them any more, and they leave their household. Their points stay. False if closed before."""
    with transaction.atomic(durable=True):
        household_id = Member.objects.filter(pk=member.pk).values_list("household_id", flat=True).first()
        household = households.lock(household_id) if household_id else None
        row = lock(member)
        if row.status == Status.CLOSED:
            return False
        if row.household_id != household_id:
            raise ValidationError(households.CHANGED)
        if household:
            households.take_out(row, household, actor_id, reason)
        write_status(row, Status.CLOSED, "member.close", actor_id, reason)
    return True


def activate(member: Member, *, actor_id: str, reason: str) -> bool:
    """A suspended or closed member is active again, in the household they are in, if any. False if active before."""
    with transaction.atomic(durable=True):
        row = lock(member)
        if row.status == Status.ACTIVE:
            return False
        write_status(row, Status.ACTIVE, "member.activate", actor_id, reason)
    return True


def write_status(row: Member, status: str, action: str, actor_id: str, reason: str) -> None:
    was, row.status = row.status, status
    row.save(update_fields=["status"])
    _audit(action, row, actor_id, {"was": was, "reason": reason.strip()[:200]})


def lock(member: Member) -> Member:
    [row] = locking.lock_ids(Member, [member.pk]).values()
    return row


def checked_identifiers(identifiers: Identifiers) -> list[tuple[str, str]]:
    """As they are stored, each once: e-mail addresses in lower case. Raises ValidationError under ``identifiers``."""
    problems: list[str] = []
    found: dict[tuple[str, str], None] = {}
    for kind, value in identifiers:
        value = value.lower() if kind == MemberIdentifier.Type.EMAIL else value
        if kind not in MemberIdentifier.Type.values:
            problems.append(f"{kind} is not a type of identifiers.")
        elif not is_line(value, LONGEST_VALUE):
            label = MemberIdentifier.Type(kind).label
            problems.append(f"{label}: 1 to {LONGEST_VALUE} characters on one line, without spaces around them.")
        found[kind, value] = None
    if len(found) > MOST_IDENTIFIERS:
        problems.append(f"A member has at most {MOST_IDENTIFIERS} identifiers.")
    if problems:
        raise ValidationError({"identifiers": problems})
    return list(found)


def checked_emails(emails: Mapping[str, str]) -> None:
    """Raises ValidationError under ``emails``."""
    problems = []
    for key, address in emails.items():
        if not is_line(key, LONGEST_KEY):
            problems.append(f"A key has 1 to {LONGEST_KEY} characters on one line, without spaces around them.")
        try:
            validate_email(address)
        except ValidationError:
            problems.append(f"What {key} names is not an e-mail address.")
    if len(emails) > MOST_EMAILS:
        problems.append(f"An address book has at most {MOST_EMAILS} entries.")
    if problems:
        raise ValidationError({"emails": problems})


def is_line(text: str, most: int) -> bool:
    try:
        check_line("", text, most)
    except ValidationError:
        return False
    return True


def collect(*checks: Callable[[], object]) -> None:
    """Raise what all of them find wrong, at once."""
    problems: dict[str, list[str]] = {}
    for check in checks:
        try:
            check()
        except ValidationError as error:
            problems.update(error.message_dict)
    if problems:
        raise ValidationError(problems)


def write_identifiers(member: Member, identifiers: Identifiers) -> None:
    MemberIdentifier.objects.bulk_create(
        MemberIdentifier(member=member, site_id=member.site_id, type=kind, value=value) for kind, value in identifiers
    )


def write_emails(member: Member, emails: Mapping[str, str]) -> None:
    MemberEmail.objects.bulk_create(
        MemberEmail(member=member, key=key, address=address) for key, address in emails.items()
    )


def kinds_of(identifiers: Identifiers) -> list[str]:
    return sorted(kind for kind, _ in identifiers)


def taken(error: IntegrityError) -> dict[str, list[str]]:
    """Which of the unique values somebody else has."""
    text = str(error)
    if "account_id" in text:
        return {"account_id": ["This site has a member of this account ID already."]}
    if "loyalty_id" in text:
        return {"loyalty_id": ["This site has a member of this loyalty ID already."]}
    return {"user": ["This claimant is a member already."]}


def _audit(action: str, row: Member, actor_id: str, detail: dict[str, Any]) -> None:
    auditing.record(
        action,
        site=row.site_id,
        actor_id=actor_id,
        object_type="member",
        object_id=row.pk,
        detail={"account_id": row.account_id, **detail},
    )
