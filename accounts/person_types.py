"""Characteristics and person types: writing them, and reading what identifies a person. Source: prepaid engine, section 5."""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import auditing, locking
from accounts.models import Characteristic, PersonType, Site, StoredIdentification
from accounts.wording import check_line

MOST_IDENTIFYING = 4
LARGEST_NUMBER = 2**31 - 1
LARGEST_TYPE = 255


def read_identifying(kind: PersonType) -> list[Characteristic]:
    """The characteristics whose values identify persons of this type, in the order of the values; empty if unusable."""
    numbers = kind.identified_by
    if not isinstance(numbers, list) or not all(type(each) is int for each in numbers):
        return []
    if not numbers or len(numbers) > MOST_IDENTIFYING or len(set(numbers)) < len(numbers):
        return []
    known = {each.number: each for each in Characteristic.objects.filter(site=kind.site_id, number__in=numbers)}
    found = [known[each] for each in numbers if each in known]
    # By a secret alone nobody can be looked for, and nothing that may be counted would be left.
    usable = len(found) == len(numbers) and any(each.kind != Characteristic.Kind.SECRET for each in found)
    return found if usable else []


def add_characteristic(site: Site, number: int, name: str, kind: str, *, actor_id: str) -> Characteristic:
    """Its number and kind stay. Raises ValidationError."""
    check_line("name", name, 100)
    if not 1 <= number <= LARGEST_NUMBER:
        raise ValidationError({"number": ["A whole number from 1 on, of 32 bits."]})
    if kind not in Characteristic.Kind.values:
        raise ValidationError({"kind": ["A characteristic is a text, an e-mail address or a secret."]})
    try:
        with transaction.atomic(durable=True):
            made = Characteristic.objects.create(site=site, number=number, name=name, kind=kind)
            _audit("characteristic.create", made, actor_id, {"number": number, "name": name, "kind": kind})
    except IntegrityError as error:
        raise ValidationError({"number": ["This site has a characteristic of this number already."]}) from error
    return made


def rename_characteristic(characteristic: Characteristic, name: str, *, actor_id: str) -> None:
    """Raises ValidationError."""
    check_line("name", name, 100)
    with transaction.atomic(durable=True):
        [row] = locking.lock_ids(Characteristic, [characteristic.pk]).values()
        was, row.name = row.name, name
        row.save(update_fields=["name"])
        _audit("characteristic.change", row, actor_id, {"number": row.number, "name": name, "was": was})


def add_person_type(
    site: Site, number: int, name: str, identified_by: Sequence[Characteristic], *, may_redeem: bool, actor_id: str
) -> PersonType:
    """Without anything to identify by, nobody of the type can be identified. Raises ValidationError."""
    if not 0 <= number <= LARGEST_TYPE:
        raise ValidationError({"number": [f"A whole number from 0 to {LARGEST_TYPE}."]})
    check(site.pk, name, identified_by)
    try:
        with transaction.atomic(durable=True):
            made = PersonType.objects.create(
                site=site,
                number=number,
                name=name,
                identified_by=[each.number for each in identified_by],
                may_redeem=may_redeem,
            )
            _audit("persontype.create", made, actor_id, told(made))
    except IntegrityError as error:
        raise ValidationError({"number": ["This site has a person type of this number already."]}) from error
    return made


def change_person_type(
    kind: PersonType,
    name: str,
    identified_by: Sequence[Characteristic],
    *,
    may_redeem: bool,
    actor_id: str,
    reason: str = "",
) -> None:
    """Where persons are identified by something else from now on, everything stored of the type ends. Raises ValidationError."""
    check(kind.site_id, name, identified_by)
    with transaction.atomic(durable=True):
        [row] = locking.lock_ids(PersonType, [kind.pk]).values()
        before = told(row)
        row.name, row.may_redeem = name, may_redeem
        row.identified_by = [each.number for each in identified_by]
        row.save(update_fields=["name", "identified_by", "may_redeem"])
        detail = {**told(row), "was": before, "reason": reason.strip()[:200]}
        if before["identified_by"] != row.identified_by:
            detail["stored_ended"] = StoredIdentification.objects.filter(person_type=row).delete()[0]
        _audit("persontype.change", row, actor_id, detail)


def check(site_id: int, name: str, identified_by: Sequence[Characteristic]) -> None:
    check_line("name", name, 100)
    problem = ""
    if any(each.site_id != site_id for each in identified_by):
        problem = "This characteristic is of another site."
    elif len({each.pk for each in identified_by}) < len(identified_by):
        problem = "Each characteristic once."
    elif len(identified_by) > MOST_IDENTIFYING:
        problem = f"At most {MOST_IDENTIFYING} characteristics."
    elif identified_by and all(each.kind == Characteristic.Kind.SECRET for each in identified_by):
        problem = "Nobody can be looked for by a secret alone: add a text or an e-mail address."
    if problem:
        raise ValidationError({"identified_by": [problem]})


def told(kind: PersonType) -> dict[str, Any]:
    """What the audit keeps of it."""
    return {
        "number": kind.number,
        "name": kind.name,
        "identified_by": kind.identified_by,
        "may_redeem": kind.may_redeem,
    }


def _audit(action: str, row: Characteristic | PersonType, actor_id: str, detail: dict[str, Any]) -> None:
    auditing.record(
        action,
        site=row.site_id,
        actor_id=actor_id,
        object_type=row._meta.model_name or "",
        object_id=row.pk,
        detail=detail,
    )
