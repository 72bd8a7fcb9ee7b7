"""What an offer costs a user: the lowest price that is everybody's or one of their account sets'."""

from decimal import Decimal, InvalidOperation

from django.db.models import Min, Q

from accounts.account_sets import sets_of
from accounts.models import Offer, OfferPrice, User


def price_of(offer: Offer, user: User | None) -> dict[str, int]:
    """{currency: amount in minor units}, by currency; empty where the offer has no price that the user may have.

    Without a user, what it costs everybody. One statement.
    """
    theirs = Q(account_set__isnull=True)
    if user is not None and user.site_id == offer.site_id:
        theirs |= Q(account_set__in=sets_of(offer.site_id, user.pk))
    prices = OfferPrice.objects.filter(theirs, offer=offer).values_list("currency").annotate(lowest=Min("amount"))
    return dict(prices.order_by("currency"))


# How many decimal places a currency has where it is not two. Source: ISO 4217.
PLACES = {
    **dict.fromkeys(["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV"], 0),
    **dict.fromkeys(["XAF", "XOF", "XPF"], 0),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
}


def written(amount: int, currency: str) -> str:
    """1250 minor units of EUR are "12.50 EUR"."""
    places = PLACES.get(currency, 2)
    return f"{Decimal(amount).scaleb(-places):,.{places}f} {currency}"


def minor_units(text: str, currency: str) -> int:
    """ "12.50" of EUR are 1250. Raises ValueError on anything but a decimal with no more places than the currency has."""
    try:
        scaled = Decimal(text).scaleb(PLACES.get(currency, 2))
    except InvalidOperation as error:
        raise ValueError(f"No amount of {currency}: {text}") from error
    if not scaled.is_finite() or scaled.adjusted() > 15 or scaled != scaled.to_integral_value():
        raise ValueError(f"No amount of {currency}: {text}")
    return int(scaled)
