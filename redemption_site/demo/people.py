"""The demonstration's sites, its people with their accounts, and its API key."""

from dataclasses import dataclass
from typing import Any

from accounts import beginnings, client_keys, clock
from accounts.models import Client, Site, User
from ledger.models import Asset, LedgerAccount, Transfer
from ledger.moving import grant
from ledger.opening import create_claimant, open_account

ACTOR = "demo"
# Known to everybody, like the demo's keys: it opens what listens on this machine alone and is refused in production.
PASSWORD = "try-a-redemption"  # noqa: S105
STAFF_EMAIL = "staff@example.test"
CLAIMANT_EMAIL = "anna@example.test"
KEY_NAME = "Demo till"
ASSETS = (
    ("EUR", "Euro", Asset.Kind.MONEY, 2),
    ("USD", "US dollar", Asset.Kind.MONEY, 2),
    ("PTS", "Points", Asset.Kind.POINTS, 0),
)
# Claimants of the flow's acceptance cases (redemption flow, section 8).
CLAIMANTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("u-1001", {"email": CLAIMANT_EMAIL, "name": "Anna Beispiel"}),
    ("u-2002", {"email": "ben@example.test", "name": "Ben Sample"}),
    ("u-3003", {"email": "cleo@example.test", "name": "Cleo Exemple", "is_active": False}),
)
WELCOME_CENTS = 1_000  # So that the flow's 25.00 EUR leave the 35.00 that its sample answer shows.


@dataclass(frozen=True)
class People:
    """Who and what the demonstration's offers are for."""

    site: Site
    other_site: Site
    claimants: dict[str, User]


def load_people() -> People:
    """Make whoever is missing; the two that people sign in as can do so with the known password afterwards."""
    for code, name, kind, exponent in ASSETS:
        Asset.objects.get_or_create(code=code, defaults={"name": name, "kind": kind, "exponent": exponent})
    site = load_site("demo", "Corner Café", default_asset_code="EUR", time_zone="Europe/Berlin")
    other_site = load_site("acme", "Acme Outfitters", default_asset_code="USD")
    claimants = {claimant_id: load_claimant(site, claimant_id, fields) for claimant_id, fields in CLAIMANTS}
    load_claimant(other_site, "u-1001", {"email": CLAIMANT_EMAIL, "name": "Another Anna"})
    staff = User.objects.filter(site=None, email=STAFF_EMAIL).first()
    staff = staff or User.objects.create_user(None, STAFF_EMAIL, name="Sam Staff", is_staff=True, is_superuser=True)
    for user in (staff, claimants["u-1001"]):
        give_password(user)
    return People(site, other_site, claimants)


def load_site(slug: str, name: str, **fields: str) -> Site:
    defaults = {"name": name, "domain": f"{slug}.localhost", "created_at": clock.read(), **fields}
    site = Site.objects.get_or_create(slug=slug, defaults=defaults)[0]
    beginnings.begin(site)
    return site


def load_claimant(site: Site, claimant_id: str, fields: dict[str, Any]) -> User:
    """A claimant with a cash account and a points account, and some money to begin with."""
    user = User.objects.filter(site=site, claimant_id=claimant_id).first()
    user = user or create_claimant(site, claimant_id=claimant_id, password=PASSWORD, **fields)
    open_account(user, Asset.objects.get(code="PTS"))
    cash = LedgerAccount.objects.select_related("asset").get(owner=user, kind=LedgerAccount.Kind.CASH)
    if not Transfer.objects.filter(credit_account=cash).exists():
        grant(cash, WELCOME_CENTS, comment="Welcome to the demonstration", actor_id=ACTOR)
    return user


def give_password(user: User) -> None:
    """Let the known password work again if somebody has tried out changing it."""
    if not user.check_password(PASSWORD):
        user.set_password(PASSWORD)
        user.save(update_fields=["password"])


def load_key(site: Site) -> str:
    """A fresh API key, for a secret is shown only once; the ones of earlier loads end."""
    for client in Client.objects.filter(site=site, name=KEY_NAME, revoked_at=None):
        client_keys.revoke(client, actor_id=ACTOR)
    scopes = set(Client.Scope.values) - {Client.Scope.EXPORT}  # Whoever may take all codes away is chosen by hand.
    return client_keys.create_client(site, KEY_NAME, scopes, actor_id=ACTOR).key
