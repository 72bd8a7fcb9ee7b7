"""Writing persons: made of a user, their properties and secrets, switched off and on. Source: prepaid engine, section 5.

The audit tells which properties were changed and never what to: they are people's own, and audit rows stay.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from accounts import auditing, clock, locking, visiting
from accounts.models import Characteristic, Person, PersonProperty, PersonType, User
from accounts.models.persons import LONGEST_VALUE
from accounts.wording import check_line, is_text

Values = Mapping[Characteristic, str]
SECRET = Characteristic.Kind.SECRET


def field_of(characteristic: Characteristic) -> str:
    """What a form calls the property, and ValidationErrors name."""
    return f"property_{characteristic.number}"


def add_person(user: User, kind: PersonType, values: Values, *, actor_id: str) -> Person:
    """Make the user, who stays who they are, a person of this type; empty values are left out. Raises ValidationError."""
    if user.site_id != kind.site_id:
        raise ValidationError({"claimant_id": ["The claimant and the person type are of different sites."]})
    properties = [make_property(each, value) for each, value in checked(kind.site_id, values).items() if value]
    try:
        with transaction.atomic():
            made = Person.objects.create(user=user, site_id=kind.site_id, person_type=kind, created_at=clock.read())
            for each in properties:
                each.person = made
            PersonProperty.objects.bulk_create(properties)
            detail = {"claimant_id": user.claimant_id, "person_type": kind.number, "properties": named(values, "set")}
            _audit("person.create", made, actor_id, detail)
    except IntegrityError as error:
        raise ValidationError({"claimant_id": ["This claimant is a person already."]}) from error
    return made


def change_properties(person: Person, values: Values, *, actor_id: str) -> bool:
    """Set readable properties, and remove those of an empty value; False if nothing was different. Raises ValidationError.

    Where somebody was identified by one of them, what is stored ends.
    """
    values = checked(person.site_id, values)
    if any(each.kind == SECRET for each in values):
        raise ValueError("A secret is set by set_secret.")
    with transaction.atomic(durable=True):
        [row] = locking.lock_rows(Person.objects.filter(pk=person.pk).select_related("person_type"))
        had = dict(row.properties.values_list("characteristic_id", "value"))
        different = {each: value for each, value in values.items() if had.get(each.pk, "") != value}
        for characteristic, value in different.items():
            row.properties.filter(characteristic=characteristic).delete()
            if value:
                row.properties.create(characteristic=characteristic, value=value)
        identifying = row.person_type.identified_by
        stored = 0
        if any(each.number in identifying for each in different):
            _, stored = visiting.forget(row, clock.read(), links=False)
        if different:
            detail = {"properties": named(different, "changed"), "stored_ended": stored}
            _audit("person.change", row, actor_id, detail)
    return bool(different)


def set_secret(person: Person, characteristic: Characteristic, secret: str, *, actor_id: str, reason: str) -> int:
    """From the commit on only the new one counts, and nobody is remembered by the old one: how many ended.

    Raises ValidationError.
    """
    if characteristic.kind != SECRET:
        raise ValueError("Only a secret is set here.")
    [(characteristic, secret)] = checked(person.site_id, {characteristic: secret}).items()
    if not secret:
        raise ValidationError({field_of(characteristic): ["Write the secret."]})
    made = make_property(characteristic, secret)  # Before the lock, since hashing takes half a second.
    with transaction.atomic(durable=True):
        [row] = locking.lock_ids(Person, [person.pk]).values()
        row.properties.filter(characteristic=characteristic).delete()
        made.person = row
        made.save(force_insert=True)
        _, stored = visiting.forget(row, clock.read(), links=False)
        detail = {"characteristic": str(characteristic), "reason": reason.strip()[:200], "stored_ended": stored}
        _audit("person.set_secret", row, actor_id, detail)
    return stored


def switch_off(person: Person, *, actor_id: str, reason: str) -> bool:
    """From the commit on nobody is identified as them, and every visitor forgets them; False if they were off."""
    return switch(person, False, actor_id, reason)


def switch_on(person: Person, *, actor_id: str, reason: str) -> bool:
    """They can be identified again; False if they were on."""
    return switch(person, True, actor_id, reason)


def switch(person: Person, is_active: bool, actor_id: str, reason: str) -> bool:
    with transaction.atomic(durable=True):
        [row] = locking.lock_ids(Person, [person.pk]).values()
        if row.is_active == is_active:
            return False
        row.is_active = is_active
        row.save(update_fields=["is_active"])
        detail: dict[str, Any] = {"reason": reason.strip()[:200]}
        if not is_active:
            detail["links_ended"], detail["stored_ended"] = visiting.forget(row, clock.read())
        _audit("person.switch_on" if is_active else "person.switch_off", row, actor_id, detail)
    return True


def checked(site_id: int, values: Values) -> dict[Characteristic, str]:
    """As they are stored: e-mail addresses in lower case. Raises ValidationError by field, for all that is wrong at once."""
    problems: dict[str, list[str]] = {}
    found = {}
    for characteristic, value in values.items():
        if characteristic.site_id != site_id:
            raise ValidationError("A characteristic is of another site.")
        if characteristic.kind == Characteristic.Kind.EMAIL:
            value = value.lower()
        try:
            if value:
                check_value(characteristic, value)
        except ValidationError as error:
            problems.setdefault(field_of(characteristic), []).extend(error.messages)
        found[characteristic] = value
    if problems:
        raise ValidationError(problems)
    return found


def check_value(characteristic: Characteristic, value: str) -> None:
    if characteristic.kind == SECRET:
        # Not one line as people write it: shops send what they have, such as a hash of a password.
        if len(value) > LONGEST_VALUE or not is_text(value):
            raise ValidationError(f"1 to {LONGEST_VALUE} characters, and no control characters.")
        return
    check_line(field_of(characteristic), value, LONGEST_VALUE)
    if characteristic.kind == Characteristic.Kind.EMAIL:
        validate_email(value)


def make_property(characteristic: Characteristic, value: str) -> PersonProperty:
    """Unsaved, and of nobody yet; of a secret it has the salted hash alone."""
    if characteristic.kind == SECRET:
        return PersonProperty(characteristic=characteristic, secret_hash=make_password(value))
    return PersonProperty(characteristic=characteristic, value=value)


def named(values: Values, changed: str) -> dict[str, str]:
    """Which properties, for the audit, and whether they were removed."""
    return {str(each): changed if value else "removed" for each, value in values.items() if value or changed != "set"}


def _audit(action: str, row: Person, actor_id: str, detail: dict[str, Any]) -> None:
    auditing.record(action, site=row.site_id, actor_id=actor_id, object_type="person", object_id=row.pk, detail=detail)
