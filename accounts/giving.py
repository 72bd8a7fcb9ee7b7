"""Giving a licence by hand, and ending one: what staff do, each with a reason that the audit keeps."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import auditing, clock, locking
from accounts.licensing import NewLicence, give_licences
from accounts.models import AccountSet, Item, Licence, Offer, User
from accounts.offering import on_offer


def give_by_hand(
    offer: Offer, holder: User | AccountSet, *, actor_id: str, reason: str, form_key: UUID, item: Item | None = None
) -> Licence:
    """Give the offer to a user or an account set of its site, on its own item or on ``item``; a form sent twice gives it once.

    Raises ValidationError if the offer is archived, any of them is of another site, or the form gave another licence before.
    """
    item = item or offer.item
    if not holder.site_id == item.site_id == offer.site_id:
        raise ValidationError("Offer, item and holder are not of one site.")
    whose: dict[str, Any] = {"user_id": holder.pk} if isinstance(holder, User) else {"account_set_id": holder.pk}
    with transaction.atomic(durable=True):
        # Two that come at once wait for each other here, as does whoever archives the offer.
        offer = locking.lock_ids(Offer, [offer.pk])[offer.pk]
        if given := Licence.objects.filter(form_key=form_key).first():
            if Licence.objects.filter(pk=given.pk, item=item, **whose).exists():
                return given
            raise ValidationError("This page has given another licence already: open it anew.")
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
