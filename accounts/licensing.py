"""Writing licences, and taking back what a redemption gave. Giving one by hand, and ending one, is giving.py."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from accounts import locking
from accounts.models import Licence
from accounts.offering import OnOffer


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
