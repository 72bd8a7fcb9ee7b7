"""What tests are made of: sites, people, accounts, clients and codes, each with everything it needs and nothing more.

Whatever has a deed is made by that deed, so that a test stands on rows the platform itself could have written.
"""

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import factory
from factory.django import DjangoModelFactory

from accounts import beginnings, client_keys, clock, digests
from accounts.callers import Caller, caller_for_client, caller_for_user
from accounts.models import Membership, Site, Tag, User
from ledger import moving, opening
from ledger.models import Asset, LedgerAccount

if TYPE_CHECKING:
    from codes.issuing import NewBatch
    from codes.models import Batch, Code, CodeHold

PASSWORD = "correct horse battery"


class SiteFactory(DjangoModelFactory[Site]):
    class Meta:
        model = Site

    slug = factory.Sequence(lambda number: f"site-{number}")
    name = factory.LazyAttribute(lambda site: site.slug.title())
    domain = factory.LazyAttribute(lambda site: f"{site.slug}.localhost")
    created_at = factory.LazyFunction(clock.read)

    @classmethod
    def _create(cls, model_class: type[Site], *args: Any, **fields: Any) -> Site:
        site = super()._create(model_class, *args, **fields)
        beginnings.begin(site)
        return site


class AssetFactory(DjangoModelFactory[Asset]):
    """EUR unless told otherwise; an asset that is there already is taken."""

    class Meta:
        model = Asset
        django_get_or_create = ("code",)

    code = "EUR"
    name = factory.LazyAttribute(lambda asset: f"{asset.code} of the tests")
    kind = factory.LazyAttribute(lambda asset: "points" if asset.code.startswith("PTS") else "money")
    exponent = factory.LazyAttribute(lambda asset: 0 if asset.kind == "points" else 2)


class UserFactory(DjangoModelFactory[User]):
    """A claimant of a site of their own unless told otherwise; the password is PASSWORD."""

    class Meta:
        model = User

    site = factory.SubFactory(SiteFactory)
    claimant_id = factory.Sequence(lambda number: f"u-{1000 + number}")
    email = factory.LazyAttribute(lambda user: f"{user.claimant_id}@example.test".lower())

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **fields: Any) -> User:
        site, password = fields.pop("site"), fields.pop("password", PASSWORD)
        return User.objects.create_user(site, fields.pop("email"), password, **fields)


class TagFactory(DjangoModelFactory[Tag]):
    class Meta:
        model = Tag

    site = factory.SubFactory(SiteFactory)
    name = factory.Sequence(lambda number: f"tag-{number}")


def make_site(**fields: Any) -> Site:
    return SiteFactory.create(**fields)


def make_asset(code: str = "EUR", **fields: Any) -> Asset:
    return AssetFactory.create(code=code, **fields)


def make_user(site: Site | None = None, **fields: Any) -> User:
    """A claimant of ``site``, or of a new one."""
    return UserFactory.create(site=site or make_site(), **fields)


def make_staff(*sites: Site, role: str = "manager", **fields: Any) -> User:
    """A member of the platform's staff with that role on each of the sites."""
    user = UserFactory.create(site=None, is_staff=True, **fields)
    Membership.objects.bulk_create(Membership(user=user, site=site, role=role) for site in sites)
    return user


def make_account(
    owner: User | None = None, asset: Asset | None = None, *, balance: int = 0, **fields: Any
) -> LedgerAccount:
    """The owner's account in ``asset`` (EUR) with ``balance`` minor units; ``fields`` (floor, state) are set last."""
    account = opening.open_account(owner or make_user(), asset or make_asset())
    if balance > 0:
        moving.grant(account, balance, comment="opening balance", actor_id="system")
    if balance < 0:
        LedgerAccount.objects.filter(pk=account.pk).update(floor=balance)
        account.refresh_from_db()
        moving.spend(account, -balance, comment="opening balance", actor_id="system")
        LedgerAccount.objects.filter(pk=account.pk).update(floor=0)
    if fields:
        LedgerAccount.objects.filter(pk=account.pk).update(**fields)
    account.refresh_from_db()
    return account


def make_claimant(site: Site | None = None, *, balance: int = 0, asset: Asset | None = None, **fields: Any) -> User:
    """A claimant with a cash account (EUR) that holds ``balance`` minor units."""
    user = make_user(site, **fields)
    make_account(user, asset, balance=balance)
    return user


def make_client(
    site: Site | None = None, scopes: Iterable[str] = ("redeem",), *, name: str = "till", **fields: Any
) -> client_keys.NewKey:
    """An API client and its key; scopes default to redeeming."""
    return client_keys.create_client(site or make_site(), name, scopes, actor_id="system", **fields)


def caller_of(who: User | client_keys.NewKey) -> Caller:
    """Who asks, as the edge would make it: a person signed in, or a client with its key."""
    if isinstance(who, User):
        assert who.site is not None
        return caller_for_user(who, who.site)
    client, acts_as = client_keys.verify(who.key)
    return caller_for_client(client, acts_as)


def new_batch(site: Site, *, worth_cents: int = 0, **fields: Any) -> "NewBatch":
    """The order for a batch: credits ``worth_cents`` EUR a use, or, worth nothing, gives the tag "welcome"."""
    from codes.issuing import NewBatch

    if worth_cents:
        make_asset()
        fields = {"action": "credit", "asset_code": "EUR", "value": worth_cents, **fields}
    elif "action" not in fields:
        fields = {"action": "add_tags", "parameters": {"tags": ["welcome"]}, **fields}
    name = fields.pop("name", None) or f"batch {site.batches.count() + 1}"
    return NewBatch(site_id=site.pk, name=name, **{"count": 1, "caller_key": "system", "actor_id": "system", **fields})


def make_batch(site: Site | None = None, count: int = 3, *, worth_cents: int = 500, **fields: Any) -> "Batch":
    """An active batch with ``count`` generated codes."""
    from codes import issuing
    from codes.models import Batch

    order, _ = issuing.order_batch(new_batch(site or make_site(), count=count, worth_cents=worth_cents, **fields))
    issuing.work_order(order.pk)
    return Batch.objects.get(pk=order.batch_id)


def make_code(
    site: Site | None = None, text: str = "ABC-E6W5F", uses: int = 1, worth_cents: int = 500, **fields: Any
) -> "Code":
    """One code that reads ``text``, in an active batch of its own; ``fields`` are NewBatch's, and ``owner``."""
    from codes import issuing
    from codes.models import Code

    site = site or make_site()
    owner = fields.pop("owner", None)
    new = new_batch(site, uses=uses, worth_cents=worth_cents, **fields)
    batch = issuing.issue_supplied(new, [text])
    if owner:
        Code.objects.filter(batch=batch).update(owner=owner)
    return Code.objects.get(batch=batch)


def make_hold(*codes: "Code", token: str = "somebody's", owner: User | None = None, seconds: float = 300) -> "CodeHold":
    """One use of each code, held by one reservation; the hold of the first. Of less than 0 seconds: it has expired so long ago."""
    from codes.models import CodeHold
    from ledger.models import Reservation

    now = clock.read()
    reservation = Reservation.objects.create(
        site_id=codes[0].site_id,
        token_digest=digests.keyed("reservation", token),
        caller="client:0",
        owner=owner,
        kind=Reservation.Kind.NATIVE,
        created_at=now + dt.timedelta(seconds=min(0, seconds - 1)),
        expires_at=now + dt.timedelta(seconds=seconds),
    )
    holds = [
        CodeHold.objects.create(reservation=reservation, code=code, expires_at=reservation.expires_at) for code in codes
    ]
    return holds[0]


def today() -> dt.date:
    """The day that the database has."""
    return clock.read().date()
