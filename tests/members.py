"""The loyalty programme as tests need it: a site that is set up for it, its members and households, a client with its token."""

from collections.abc import Iterable
from typing import Any

from accounts import access_tokens, clock, households, loyalty_sessions, loyalty_settings, members
from accounts.models import Client, Household, LoyaltySession, LoyaltySettings, Member, Site, User
from tests.factories import make_client, make_site, make_user

UNITS = ("MAIN", "WEST")


def make_loyalty_settings(
    site: Site, *, on: bool = True, units: Iterable[str] = UNITS, **fields: Any
) -> LoyaltySettings:
    """The site's settings with the feature on, and its business units; ``fields`` are those of ``write_settings``."""
    loyalty_settings.write_settings(site, actor_id="system", **fields)
    for name in units:
        loyalty_settings.add_business_unit(site, name, actor_id="system")
    if on:
        loyalty_settings.switch_feature(site, True, actor_id="system", reason="tests")
    return loyalty_settings.settings_of(site)


def make_member(
    site: Site | None = None,
    account_id: str = "",
    *,
    user: User | None = None,
    household: Household | None = None,
    role: str = "member",
    status: str = "active",
    **fields: Any,
) -> Member:
    """An active member without a points account; ``fields`` are those of ``create_member``."""
    made = members.create_member(user or make_user(site), account_id=account_id, actor_id="system", **fields)
    if household:
        households.join(made, household, role, actor_id="system")
    if status == "suspended":
        members.suspend(made, actor_id="system", reason="tests")
    if status == "closed":
        members.close(made, actor_id="system", reason="tests")
    return Member.objects.select_related("user", "site", "household").get(pk=made.pk)


def make_household(site: Site | None = None, household_id: str = "", mode: str = "proportional") -> Household:
    """Without members yet."""
    return households.create_household(site or make_site(), household_id, mode, actor_id="system")


def make_loyalty_client(site: Site | None = None, **fields: Any) -> Client:
    """A client with the scope ``points``."""
    return make_client(site, ["points"], **fields).client


def make_token(client: Client) -> str:
    return access_tokens.issue(client, clock.read())[0]


def make_session(
    client: Client,
    member: Member,
    correlation_id: str = "session-1",
    identifier_type: str = "ACCOUNT_ID",
    **fields: Any,
) -> LoyaltySession:
    channel = fields.pop("channel", "APP")
    return loyalty_sessions.start(client, client.site, member, identifier_type, correlation_id, channel, **fields)


def loyalty_rows(site: Site, user: User) -> dict[str, Any]:
    """One row of each kind that the desk shows, by its name there: the user is a member of a household."""
    settings = make_loyalty_settings(site, units=["MAIN"])
    household = make_household(site, f"H-of-{site.slug}")
    member = make_member(site, f"M-of-{site.slug}", user=user, household=household, role="primary")
    return {
        "accounts_member": member,
        "accounts_household": household,
        "accounts_loyaltysettings": settings,
        "accounts_businessunit": site.business_units.get(),
        "accounts_catalogueitem": loyalty_settings.add_item(site, "MUG", "A mug", 500, actor_id="system"),
    }
