"""What an offer costs a user: the lowest price that is everybody's or one of their account sets'."""

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
