"""Writing venues and the types of outside systems that know them. Source: redemption advice, sections 2 to 4."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import auditing, locking
from accounts.models import Site, SystemType, Venue
from accounts.wording import check_id, check_line

LEAST_NUMBER, LARGEST_NUMBER = -(2**31), 2**31 - 1
TILL = (10, "Till")  # The type in the contract's example; every site has it from its beginning.


def add_first_system_type(site: Site) -> None:
    """What every site begins with; part of making one, wherever that is done."""
    SystemType.objects.get_or_create(site=site, number=TILL[0], defaults={"name": TILL[1]})


def add_system_type(site: Site, number: int, name: str, *, actor_id: str) -> SystemType:
    """A further kind of outside system. Raises ValidationError."""
    check_line("name", name, 100)
    if not LEAST_NUMBER <= number <= LARGEST_NUMBER:
        raise ValidationError({"number": ["A whole number of 32 bits."]})
    try:
        with transaction.atomic(durable=True):
            made = SystemType.objects.create(site=site, number=number, name=name)
            _audit("systemtype.create", made, actor_id, {"number": number, "name": name})
    except IntegrityError as error:
        raise ValidationError({"number": ["This site has a system type of this number already."]}) from error
    return made


def rename_system_type(system_type: SystemType, name: str, *, actor_id: str) -> None:
    """Its number stays: the outside systems send it. Raises ValidationError."""
    check_line("name", name, 100)
    with transaction.atomic(durable=True):
        [row] = locking.lock_ids(SystemType, [system_type.pk]).values()
        was, row.name = row.name, name
        row.save(update_fields=["name"])
        _audit("systemtype.change", row, actor_id, {"name": name, "was": was})


def add_venue(
    site: Site, venue_id: str, name: str, system_type: SystemType | None, external_id: str, *, actor_id: str
) -> Venue:
    """An open venue. Raises ValidationError."""
    check_id("venue_id", venue_id)
    return write(Venue(site=site, venue_id=venue_id), name, system_type, external_id, "venue.create", actor_id)


def change_venue(venue: Venue, name: str, system_type: SystemType | None, external_id: str, *, actor_id: str) -> Venue:
    """From the commit on reports reach it under the new external ID only. Raises ValidationError."""
    return write(venue, name, system_type, external_id, "venue.change", actor_id)


def write(
    venue: Venue, name: str, system_type: SystemType | None, external_id: str, action: str, actor_id: str
) -> Venue:
    check_line("name", name, 100)
    if external_id:
        check_id("external_id", external_id)
    if external_id and system_type is None:
        raise ValidationError({"system_type": ["Say which kind of system calls it so."]})
    if system_type is not None and not external_id:
        raise ValidationError({"external_id": ["Say what that system calls it."]})
    if system_type is not None and system_type.site_id != venue.site_id:
        raise ValidationError({"system_type": ["This system type is of another site."]})
    try:
        with transaction.atomic(durable=True):
            before = None
            if venue.pk:
                [venue] = locking.lock_ids(Venue, [venue.pk]).values()
                before = told(venue)
            venue.name, venue.system_type, venue.external_id = name, system_type, external_id
            venue.save()
            _audit(action, venue, actor_id, {**told(venue), **({"was": before} if before else {})})
    except IntegrityError as error:
        raise ValidationError(taken(error)) from error
    return venue


def close_venue(venue: Venue, *, actor_id: str, reason: str) -> bool:
    """From the commit on its reports are refused; False if it was closed before."""
    return switch(venue, False, actor_id, reason)


def open_venue(venue: Venue, *, actor_id: str, reason: str) -> bool:
    """Open it again; False if it was open."""
    return switch(venue, True, actor_id, reason)


def switch(venue: Venue, is_open: bool, actor_id: str, reason: str) -> bool:
    with transaction.atomic(durable=True):
        changed = Venue.objects.filter(pk=venue.pk, is_open=not is_open).update(is_open=is_open)
        if changed:
            _audit("venue.open" if is_open else "venue.close", venue, actor_id, {"reason": reason.strip()[:200]})
    return bool(changed)


def told(venue: Venue) -> dict[str, Any]:
    """What the audit keeps of it."""
    number = venue.system_type.number if venue.system_type else None
    return {
        "venue_id": venue.venue_id,
        "name": venue.name,
        "system_type": number,
        "external_id": venue.external_id,
    }


def taken(error: IntegrityError) -> dict[str, list[str]]:
    """Which of the two unique columns it was: PostgreSQL names the constraint, SQLite the columns."""
    if "venue_external_id_per_system_type" in str(error) or "external_id" in str(error):
        return {"external_id": ["Another venue is called so in systems of this type."]}
    return {"venue_id": ["This site has a venue of this ID already."]}


def _audit(action: str, row: Venue | SystemType, actor_id: str, detail: dict[str, Any]) -> None:
    auditing.record(
        action,
        site=row.site_id,
        actor_id=actor_id,
        object_type=row._meta.model_name or "",
        object_id=row.pk,
        detail=detail,
    )
