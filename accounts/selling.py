"""Writing offers: their terms and prices. What an offer has given stays as it was: licences keep a copy of its terms."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F, Max, QuerySet

from accounts import auditing, clock, locking
from accounts.models import AccountSet, Item, LicenceTerms, Offer, OfferPrice, Site
from accounts.wording import check_id, check_line

MOST_PRICES = 100
MOST_AMOUNT = 10**15
MOST_NUMBER = 2**53 - 1  # The largest that every JSON reader keeps exactly.
MOST_DAYS = 36_600
CURRENCY = re.compile(r"[A-Z][A-Z0-9]{2,11}")
VIEW = re.compile(r"[A-Za-z0-9_-]{1,50}")
TAKEN = "This site has an offer of this ID or number already."


@dataclass(frozen=True, slots=True)
class Price:
    amount: int  # Minor units.
    currency: str
    account_set: AccountSet | None = None  # None: for everybody.


@dataclass(frozen=True, slots=True)
class OfferFields:
    """What may be changed of an offer. The terms are LicenceTerms'."""

    name: str
    duration_days: int | None = None
    concurrencies: int | None = None
    excluded_views: Sequence[str] = ()
    meta_type_restriction: str = ""
    prices: Sequence[Price] = field(default_factory=tuple)


def create_offer(
    site: Site, external_id: str, item: Item, fields: OfferFields, *, number: int | None = None, actor_id: str
) -> Offer:
    """Without a number it gets the site's next one. Raises ValidationError."""
    check_id("external_id", external_id)
    check(site.pk, fields)
    if item.site_id != site.pk:
        raise ValidationError({"item": ["This site has no such item."]})
    if number is not None and not 1 <= number <= MOST_NUMBER:
        raise ValidationError({"number": [f"A whole number from 1 to {MOST_NUMBER}."]})
    try:
        with transaction.atomic(durable=True):
            locking.lock_ids(Site, [site.pk])  # So that two offers do not get the same next number.
            known = Offer.objects.filter(site=site)
            if known.filter(external_id=external_id).exists():
                raise ValidationError({"external_id": ["This site has an offer of this ID already."]})
            if number is not None and known.filter(number=number).exists():
                raise ValidationError({"number": ["This site has an offer of this number already."]})
            number = number or (known.aggregate(last=Max("number"))["last"] or 0) + 1
            offer = Offer(site=site, external_id=external_id, number=number, item=item, created_at=clock.read())
            write(offer, fields)
            audit("offer.create", offer, facts(offer), actor_id)
    except IntegrityError as error:
        raise ValidationError(TAKEN) from error
    return offer


def change_offer(offer: Offer, fields: OfferFields, *, actor_id: str) -> Offer:
    """Its ID, number and item stay, for codes name them. Raises ValidationError."""
    check(offer.site_id, fields)
    with transaction.atomic(durable=True):
        offer = locked(offer)
        before = facts(offer)
        write(offer, fields)
        after = facts(offer)
        changed = [name for name in after if after[name] != before[name]]
        audit("offer.change", offer, {"changed": changed, "was": {name: before[name] for name in changed}}, actor_id)
    return offer


def archive_offer(offer: Offer, *, actor_id: str, reason: str) -> Offer:
    """From now on no code and nobody gives it; licences from it stay. Raises ValidationError if that has been done."""
    with transaction.atomic(durable=True):
        offer = locked(offer)
        if offer.archived_at is not None:
            raise ValidationError("This offer has been archived already.")
        offer.archived_at = clock.read()
        offer.save(update_fields=["archived_at"])
        audit("offer.archive", offer, {"reason": reason}, actor_id)
    return offer


def locked(offer: Offer) -> Offer:
    return locking.lock_ids(Offer, [offer.pk])[offer.pk]


def check(site_id: int, fields: OfferFields) -> None:
    check_line("name", fields.name, 200)
    if fields.meta_type_restriction:
        check_line("meta_type_restriction", fields.meta_type_restriction, 100)
    if fields.duration_days is not None and not 1 <= fields.duration_days <= MOST_DAYS:
        raise ValidationError({"duration_days": [f"1 to {MOST_DAYS:,} days, or empty: for ever."]})
    if fields.concurrencies is not None and not 1 <= fields.concurrencies <= 2**31 - 1:
        raise ValidationError({"concurrencies": ["At least 1, or empty: any number."]})
    if len(fields.excluded_views) > 50 or not all(VIEW.fullmatch(view) for view in fields.excluded_views):
        raise ValidationError({"excluded_views": ["Names of letters, digits, dashes and underscores; at most 50."]})
    if len(fields.prices) > MOST_PRICES:
        raise ValidationError({"prices": [f"At most {MOST_PRICES} prices."]})
    seen = set()
    for price in fields.prices:
        if not CURRENCY.fullmatch(price.currency):
            raise ValidationError({"prices": [f"{price.currency}: a currency is written like EUR."]})
        if not 0 <= price.amount <= MOST_AMOUNT:
            raise ValidationError({"prices": ["A price is 0 or more minor units."]})
        if price.account_set is not None and price.account_set.site_id != site_id:
            raise ValidationError({"prices": ["An account set of another site."]})
        key = (price.account_set.pk if price.account_set else None, price.currency)
        if key in seen:
            raise ValidationError({"prices": [f"Two prices in {price.currency} for the same users."]})
        seen.add(key)


def write(offer: Offer, fields: OfferFields) -> None:
    offer.name = fields.name
    for term in LicenceTerms.TERMS:
        setattr(offer, term, getattr(fields, term))
    offer.excluded_views = list(fields.excluded_views)
    offer.save()
    offer.prices.all().delete()
    OfferPrice.objects.bulk_create(
        OfferPrice(offer=offer, account_set=price.account_set, amount=price.amount, currency=price.currency)
        for price in fields.prices
    )


def prices_of(offer: Offer) -> "QuerySet[OfferPrice]":
    """By currency, everybody's first and then the account sets' by name."""
    by_set = F("account_set__name").asc(nulls_first=True)
    return offer.prices.select_related("account_set").order_by("currency", by_set)


def facts(offer: Offer) -> dict[str, Any]:
    """What the audit compares."""
    return {
        "name": offer.name,
        **{term: getattr(offer, term) for term in LicenceTerms.TERMS},
        "prices": [
            [price.amount, price.currency, price.account_set.name if price.account_set else ""]
            for price in prices_of(offer)
        ],
    }


def audit(action: str, offer: Offer, detail: dict[str, Any], actor_id: str) -> None:
    auditing.record(
        action,
        site=offer.site_id,
        actor_id=actor_id,
        object_type="offer",
        object_id=offer.pk,
        detail={"external_id": offer.external_id, **detail},
    )
