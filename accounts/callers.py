"""Who asks: an API client, a person signed in, or a browser in which nobody has to be, as the deeds below the edge know them."""

from dataclasses import dataclass

from accounts import digests
from accounts.models import BrowserLogin, Client, Site, User

GUESSES_PER_BROWSER = 10
GUESSES_PER_STRANGER = 10  # Failed look-ups in 15 minutes from one address, of all who are not signed in there.


@dataclass(frozen=True, slots=True)
class Caller:
    """Made at the edge from the credential alone, never from a body or a query.

    ``key`` scopes idempotency keys and budgets ("client:5", "user:9", "browser:3"); ``actor_id`` is what receipts and the
    audit tell: the client's public prefix, the claimant ID, or the key of the browser. ``acts_as`` limits the claimants by
    user ID; None: no limit but the site.
    """

    site_id: int
    key: str
    actor_id: str
    client_id: int | None = None
    user_id: int | None = None
    scopes: frozenset[str] = frozenset()
    acts_as: frozenset[int] | None = None
    network: str = ""  # The client's address, for the budget of its network.
    # Failed look-ups in 15 minutes: the site's own limits.
    guesses_per_client: int = 1_000
    guesses_per_network: int = 5_000
    guesses_in_total: int = 100_000

    def may_act_for(self, user_id: int) -> bool:
        return self.acts_as is None or user_id in self.acts_as


def caller_for_user(user: User, site: Site, network: str = "") -> Caller:
    """A browser login on its own site: acts for itself alone."""
    assert user.site_id == site.pk, "A browser login counts on its own site only."
    return Caller(
        site_id=site.pk,
        key=f"user:{user.pk}",
        actor_id=user.claimant_id,
        user_id=user.pk,
        scopes=frozenset({"redeem"}),
        acts_as=frozenset({user.pk}),
        network=network,
        guesses_per_network=site.guesses_per_network,
        guesses_in_total=site.guesses_in_total,
    )


def caller_for_browser(browser: BrowserLogin, site: Site, network: str = "") -> Caller:
    """A browser that is known by its own cookie, whoever is signed in: acts for nobody, and redeems session codes alone."""
    assert browser.site_id == site.pk, "A browser counts on its own site only."
    key = f"browser:{browser.pk}"
    return Caller(
        site_id=site.pk,
        key=key,
        actor_id=key,
        acts_as=frozenset(),
        network=network,
        guesses_per_client=GUESSES_PER_BROWSER,
        guesses_per_network=site.guesses_per_network,
        guesses_in_total=site.guesses_in_total,
    )


def caller_for_client(client: Client, acts_as: frozenset[int], network: str = "") -> Caller:
    """A verified API client; an empty ``acts_as`` means every claimant of its site."""
    return Caller(
        site_id=client.site_id,
        key=f"client:{client.pk}",
        actor_id=client.prefix,
        client_id=client.pk,
        scopes=frozenset(client.scopes),
        acts_as=acts_as or None,
        network=network,
        guesses_per_client=client.site.guesses_per_client,
        guesses_per_network=client.site.guesses_per_network,
        guesses_in_total=client.site.guesses_in_total,
    )


def caller_for_stranger(site: Site, network: str = "") -> Caller:
    """Somebody who is not signed in, in a browser that holds nothing yet: known by the address alone, acts for nobody."""
    key = f"stranger:{digests.keyed('stranger', network).hex()}"
    return Caller(
        site_id=site.pk,
        key=key,
        actor_id=key,
        acts_as=frozenset(),
        network=network,
        guesses_per_client=GUESSES_PER_STRANGER,
        guesses_per_network=site.guesses_per_network,
        guesses_in_total=site.guesses_in_total,
    )
