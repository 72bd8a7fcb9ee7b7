"""From what a code or a program names to the terms it stands for."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from accounts.models import Item, Licence, LicenceTerms, Offer

AccessId = str | int  # Text is an offer's external ID; a number names an offer, or a licence whose terms are taken.


@dataclass(frozen=True, slots=True)
class OnOffer:
    """Terms, and the item they are for."""

    item_id: int
    item_external_id: str
    offer_id: int | None
    terms: dict[str, Any]  # As LicenceTerms has them.


def find_offers(site_id: int, wanted: Collection[AccessId]) -> dict[AccessId, OnOffer]:
    """What the site has under each of these; an archived offer, and what there is not, are missing from the answer.

    Three statements at most. ``"118226"`` in quotes is an external ID, 118226 a number (access codes, section 3).
    """
    texts = {each for each in wanted if isinstance(each, str)}
    numbers = {each for each in wanted if not isinstance(each, str)}
    living = Offer.objects.filter(site_id=site_id, archived_at=None).select_related("item")
    found: dict[AccessId, OnOffer] = {}
    if texts:
        found.update(
            {offer.external_id: on_offer(offer, offer.item, offer.pk) for offer in living.filter(external_id__in=texts)}
        )
    if numbers:
        licences = Licence.objects.filter(site_id=site_id, ended_at=None, pk__in=numbers).select_related("item")
        found.update({licence.pk: on_offer(licence, licence.item, licence.offer_id) for licence in licences})
        # An offer of that number wins over a licence.
        found.update(
            {offer.number: on_offer(offer, offer.item, offer.pk) for offer in living.filter(number__in=numbers)}
        )
    return found


def on_offer(terms: LicenceTerms, item: Item, offer_id: int | None) -> OnOffer:
    return OnOffer(item.pk, item.external_id, offer_id, {name: getattr(terms, name) for name in LicenceTerms.TERMS})
