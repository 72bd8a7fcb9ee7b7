"""Giving a licence by hand, and ending one: what staff do, each with a reason that the audit keeps."""

from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import auditing, clock, locking
from accounts.licensing import NewLicence, give_licences
from accounts.models import AccountSet, Item, Licence, Offer, User
from accounts.offering import on_offer

BY_HAND = 4  # Version of the UUID in ``given_by`` where staff gave it; a redemption's is of version 7.


def give_by_hand(
    offer: Offer, holder: User | AccountSet, *, actor_id: str, reason: str, once: UUID, item: Item | None = None
) -> Licence:
    """Give the offer to a user or an account set of its site, on its own item or on ``item``; ``once`` does it once.

    Raises ValidationError if the offer is archived, or any of them is of another site.
    """
    item = item or offer.item
    if not holder.site_id == item.site_id == offer.site_id:
        raise ValidationError("Offer, item and holder are not of one site.")
    whose = {"user_id": holder.pk} if isinstance(holder, User) else {"account_set_id": holder.pk}
    with transaction.atomic(durable=True):
        # Two that come at once wait for each other here, as does whoever archives the offer.
        offer = locking.lock_ids(Offer, [offer.pk])[offer.pk]
        # It stands where a redemption's ID would, which is of another version: the two are never the same.
        if given := Licence.objects.filter(given_by=once, item=item).first():
            if (given.user_id, given.account_set_id) == (whose.get("user_id"), whose.get("account_set_id")):
                return given
            raise ValidationError("This page has given a licence to somebody else already: open it anew.")
        if offer.archived_at is not None:
            raise ValidationError("This offer is archived: nobody can be given it any more.")
        terms = on_offer(offer, item, offer.pk)
        new = NewLicence(site_id=offer.site_id, item_id=item.pk, on_offer=terms, given_by=once, **whose)
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
