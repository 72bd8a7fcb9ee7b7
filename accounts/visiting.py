"""Which person each visitor of a shop is, and who need not say their values again. Source: prepaid engine, section 5.

Whoever writes here has locked the person first; then the visitor, its links, and what is stored, in this order.
"""

import datetime as dt

from django.db import transaction

from accounts import auditing, clock, locking
from accounts.models import Person, PersonType, PrepaidSettings, Site, StoredIdentification, Visitor, VisitorPerson

STORED_FOR = dt.timedelta(hours=24)


def find(site: Site, unique_id: str) -> Visitor | None:
    return Visitor.objects.filter(site=site, unique_id=unique_id).first()


def claim(site: Site, unique_id: str, settings: PrepaidSettings, now: dt.datetime) -> Visitor:
    """The visitor of this ID, made if there is none; who comes second at the same moment gets the first one's."""
    new = Visitor(
        site=site,
        unique_id=unique_id,
        language=settings.default_language,
        currency_code=settings.default_currency_code,
        created_at=now,
    )
    Visitor.objects.bulk_create([new], ignore_conflicts=True)
    return Visitor.objects.get(site=site, unique_id=unique_id)


def link(visitor: Visitor, person: Person, now: dt.datetime) -> None:
    """From now on the visitor is this person, and nobody else any more."""
    locking.lock_ids(Visitor, [visitor.pk])
    last = VisitorPerson.objects.filter(visitor=visitor).order_by("-pk").first()
    if last and last.until is None and last.person_id == person.pk:
        return
    if last:
        # Whoever ended it may have waited for a lock less long than this call has.
        now = max(now, last.until or last.since)
        VisitorPerson.objects.filter(pk=last.pk, until=None).update(until=now)
    VisitorPerson.objects.create(visitor=visitor, person=person, since=now)


def remember(visitor: Visitor, person: Person, now: dt.datetime) -> None:
    """Both, for one who was identified, in a transaction that has locked the person."""
    link(visitor, person, now)
    store(visitor, person, now)


def store(visitor: Visitor, person: Person, now: dt.datetime) -> None:
    """The visitor, who is locked, need not say this person's values again for 24 hours."""
    of_type = StoredIdentification.objects.filter(visitor=visitor, person_type=person.person_type)
    if not of_type.update(person=person, used_at=now):
        StoredIdentification.objects.create(visitor=visitor, person_type=person.person_type, person=person, used_at=now)


def find_stored(visitor: Visitor, kind: PersonType, now: dt.datetime) -> StoredIdentification | None:
    lasting = StoredIdentification.objects.filter(used_at__gt=now - STORED_FOR)
    return lasting.filter(visitor=visitor, person_type=kind).select_related("visitor").first()


def use(stored: StoredIdentification, now: dt.datetime) -> bool:
    """Let it last for another 24 hours; False if it has ended since it was found, or is somebody else's."""
    lasting = StoredIdentification.objects.filter(used_at__gt=now - STORED_FOR)
    return bool(lasting.filter(pk=stored.pk, person=stored.person_id).update(used_at=now))


def forget(person: Person, now: dt.datetime, *, links: bool = True) -> tuple[int, int]:
    """End what is stored of a person who is locked, and their links to visitors: how many (links, stored)."""
    ended = VisitorPerson.objects.filter(person=person, until=None).update(until=now) if links else 0
    return ended, StoredIdentification.objects.filter(person=person).delete()[0]


def forget_visitors(person: Person, *, actor_id: str, reason: str) -> tuple[int, int]:
    """End all of a person's links and what is stored of them: how many (links, stored). The next call must say values."""
    with transaction.atomic(durable=True):
        locking.lock_ids(Person, [person.pk])
        links, stored = forget(person, clock.read())
        _audit("person.forget_visitors", person, actor_id, reason, links, stored)
    return links, stored


def forget_person(visitor: Visitor, *, actor_id: str, reason: str) -> tuple[int, int]:
    """End the visitor's link and what is stored for it: how many (links, stored)."""
    with transaction.atomic(durable=True):
        locking.lock_ids(Visitor, [visitor.pk])
        links = VisitorPerson.objects.filter(visitor=visitor, until=None).update(until=clock.read())
        stored = StoredIdentification.objects.filter(visitor=visitor).delete()[0]
        _audit("visitor.forget_person", visitor, actor_id, reason, links, stored)
    return links, stored


def _audit(action: str, row: Person | Visitor, actor_id: str, reason: str, links: int, stored: int) -> None:
    auditing.record(
        action,
        site=row.site_id,
        actor_id=actor_id,
        object_type=row._meta.model_name or "",
        object_id=row.pk,
        detail={"reason": reason.strip()[:200], "links": links, "stored": stored},
    )
