"""API keys: making one (the secret is shown once), finding the client behind one, revoking one."""

import datetime as dt
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from accounts import auditing, clock, digests, locking
from accounts.models import Client, IdentifierType, Site, User
from accounts.models.identifier_types import USUAL
from accounts.refusals import Unauthenticated

FORM = re.compile(r"(rk[0-9a-f]{12})\.([A-Za-z0-9_-]{43})", re.ASCII)
LAST_USE_EVERY = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class NewKey:
    client: Client
    key: str  # "<prefix>.<secret>": to be shown once and never stored.


def hash_secret(secret: str) -> bytes:
    return digests.keyed("client secret", secret, size=32)


def create_client(
    site: Site,
    name: str,
    scopes: Iterable[str],
    *,
    actor_id: str,
    expires_at: dt.datetime | None = None,
    acts_as: Iterable[User] = (),
    identifier_types: Iterable[str] = USUAL,
) -> NewKey:
    """Make an API client with a fresh 256-bit secret.

    Raises ValueError on an unknown scope, a claimant of another site, or an unknown type of identifiers.
    """
    scopes, acts_as = sorted(set(scopes)), list(acts_as)
    identifier_types = checked_types(identifier_types)
    if not set(scopes) <= set(Client.Scope.values):
        raise ValueError("An API key can only have known scopes.")
    if any(user.site_id != site.pk for user in acts_as):
        raise ValueError("An API key can only act for claimants of its own site.")
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        now = clock.read()
        client = Client.objects.create(
            site=site,
            name=name,
            prefix=f"rk{secrets.token_hex(6)}",
            secret_hash=hash_secret(secret),
            scopes=scopes,
            identifier_types=identifier_types,
            limited=bool(acts_as),
            expires_at=expires_at,
            created_at=now,
        )
        client.acts_as.set(acts_as)
        auditing.record(
            "client.create",
            site=site,
            actor_id=actor_id,
            object_type="client",
            object_id=client.prefix,
            detail={"name": name, "scopes": scopes},
            now=now,
        )
    return NewKey(client, f"{client.prefix}.{secret}")


def checked_types(types: Iterable[str]) -> list[str]:
    """In the protocol's order. Raises ValueError."""
    types = set(types)
    if not types <= set(IdentifierType.values):
        raise ValueError("A client can only start sessions by known types of identifiers.")
    return [each for each in IdentifierType.values if each in types]


def change_identifier_types(client: Client, types: Iterable[str], *, actor_id: str, reason: str) -> bool:
    """By what it may start loyalty sessions from now on, everywhere within 5 s; False if nothing differed. Raises ValueError."""
    wanted = checked_types(types)
    with transaction.atomic(durable=True):
        [row] = locking.lock_ids(Client, [client.pk]).values()
        if row.identifier_types == wanted:
            return False
        was, row.identifier_types = row.identifier_types, wanted
        row.save(update_fields=["identifier_types"])
        auditing.record(
            "client.identifier_types",
            site=row.site_id,
            actor_id=actor_id,
            object_type="client",
            object_id=row.prefix,
            detail={"types": wanted, "was": was, "reason": reason.strip()[:200]},
        )
    return True


def verify(key: str) -> tuple[Client, frozenset[int]]:
    """The client behind ``<prefix>.<secret>`` and the claimants it is limited to: none listed, no limit.

    Raises Unauthenticated. An unknown prefix costs the same work as a wrong secret.
    """
    form = FORM.fullmatch(key)
    if form is None:
        raise Unauthenticated  # Nothing of ours, so no database is asked about it.
    prefix, secret = form.groups()
    client = Client.objects.select_related("site").filter(prefix=prefix).first()
    matches = digests.equal(hash_secret(secret), bytes(client.secret_hash) if client else hash_secret("nobody"))
    if client is None or not matches:
        raise Unauthenticated
    return client, admit(client)


def admit(client: Client) -> frozenset[int]:
    """The claimants to whom the client, known by its key or its till's, is limited: none listed, no limit.

    Raises Unauthenticated where it has ended. Notes the use.
    """
    now = clock.read()
    if client.revoked_at or (client.expires_at and client.expires_at <= now):
        raise Unauthenticated
    acts_as = frozenset(client.acts_as.values_list("pk", flat=True)) if client.limited else frozenset()
    if client.limited and not acts_as:
        raise Unauthenticated
    # Once a minute at most: a busy key must not be a hot row.
    if client.last_used_at is None or now - client.last_used_at >= LAST_USE_EVERY:
        Client.objects.filter(pk=client.pk, last_used_at=client.last_used_at).update(last_used_at=now)
    return acts_as


def revoke(client: Client, *, actor_id: str) -> bool:
    """End a key for good; False if it had ended before. Dead everywhere within the 5 s a verified key is remembered."""
    with transaction.atomic():
        now = clock.read()
        ended = Client.objects.filter(pk=client.pk, revoked_at=None).update(revoked_at=now)
        if ended:
            auditing.record(
                "client.revoke",
                site=client.site_id,
                actor_id=actor_id,
                object_type="client",
                object_id=client.prefix,
                now=now,
            )
    return bool(ended)
