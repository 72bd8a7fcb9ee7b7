"""Giving licences and taking them back: the only deeds that write them."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import auditing, clock, locking
from accounts.models import AccountSet, Item, Licence, Offer, User
from accounts.offering import OnOffer, on_offer


@dataclass(frozen=True, slots=True)
class NewLicence:
    """A licence to be, on the terms of an offer: for one holder, a user, an account set or a browser login."""

    site_id: int
    item_id: int
    on_offer: OnOffer
    user_id: int | None = None
    account_set_id: int | None = None
    browser_id: int | None = None
    given_by: UUID | None = None  # A redemption.
    form_key: UUID | None = None  # Of the form by which staff give it.


def give_licences(licences: Iterable[NewLicence], now: dt.datetime) -> list[Licence]:
    """Write them, in one statement; each starts now and ends as its terms say.

    Raises IntegrityError if a redemption has given the same item already.
    """
    return Licence.objects.bulk_create([licence_of(new, now) for new in licences])


def licence_of(new: NewLicence, now: dt.datetime) -> Licence:
    days = new.on_offer.terms["duration_days"]
    return Licence(
        site_id=new.site_id,
        user_id=new.user_id,
        account_set_id=new.account_set_id,
        browser_id=new.browser_id,
        item_id=new.item_id,
        offer_id=new.on_offer.offer_id,
        starts_at=now,
        ends_at=None if days is None else now + dt.timedelta(days=days),
        given_by=new.given_by,
        form_key=new.form_key,
        created_at=now,
        **new.on_offer.terms,
    )


def take_licences_of(redemption: UUID, actor_id: str, now: dt.datetime) -> int:
    """Take back what a redemption gave; answers how many licences had not been taken back yet."""
    # Locked in one order first: an update takes its rows as it finds them.
    held = locking.lock_rows(Licence.objects.filter(given_by=redemption, ended_at=None))
    if not held:
        return 0
    return Licence.objects.filter(given_by=redemption, ended_at=None).update(ended_at=now, ended_by=actor_id[:100])


def give_by_hand(
    offer: Offer, holder: User | AccountSet, *, actor_id: str, reason: str, form_key: UUID, item: Item | None = None
) -> Licence:
    """Give the offer to a user or an account set of its site, on its own item or on ``item``; a form sent twice gives it once.

    Raises ValidationError if the offer is archived, any of them is of another site, or the form gave something else before.
    """
    item = item or offer.item
    if not holder.site_id == item.site_id == offer.site_id:
        raise ValidationError("Offer, item and holder are not of one site.")
    whose: dict[str, Any] = {"user_id": holder.pk} if isinstance(holder, User) else {"account_set_id": holder.pk}
    with transaction.atomic(durable=True):
        # Two that come at once wait for each other here, as does whoever archives the offer.
        offer = locking.lock_ids(Offer, [offer.pk])[offer.pk]
        if given := Licence.objects.filter(form_key=form_key).first():
            if Licence.objects.filter(pk=given.pk, item=item, site=offer.site_id, **whose).exists():
                return given
            raise ValidationError("This form has been sent already, for another licence.")
        if offer.archived_at is not None:
            raise ValidationError("This offer is archived: nobody can be given it any more.")
        terms = on_offer(offer, item, offer.pk)
        new = NewLicence(site_id=offer.site_id, item_id=item.pk, on_offer=terms, form_key=form_key, **whose)
        [licence] = give_licences([new], clock.read())
        audit("licence.give", licence, {"reason": reason, **told(offer, item, holder)}, actor_id)
    return licence


def end_licence(licence: Licence, *, actor_id: str, reason: str) -> Licence:
    """It opens nothing from now on. Raises ValidationError if it was taken back already."""
    with transaction.atomic(durable=True):
        licence = locking.lock_ids(Licence, [licence.pk])[licence.pk]
        if licence.ended_at is not None:
            raise ValidationError("This licence has been ended already.")
        licence.ended_at, licence.ended_by = clock.read(), actor_id[:100]
        licence.save(update_fields=["ended_at", "ended_by"])
        audit("licence.end", licence, {"reason": reason, "item": licence.item.external_id}, actor_id)
    return licence


def told(offer: Offer, item: Item, holder: User | AccountSet) -> dict[str, str]:
    whose = {"claimant_id": holder.claimant_id} if isinstance(holder, User) else {"account_set": holder.name}
    return {"offer": offer.external_id, "item": item.external_id, **whose}


def audit(action: str, licence: Licence, detail: dict[str, str], actor_id: str) -> None:
    auditing.record(
        action,
        site=licence.site_id,
        actor_id=actor_id,
        object_type="licence",
        object_id=licence.pk,
        detail=detail,
    )
