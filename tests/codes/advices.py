"""Advices in any state that the desk may find them in, each as the deeds of its life would have left it."""

import datetime as dt
import uuid
from typing import Any

import uuid_utils.compat

from accounts import clock, venues
from accounts.models import Client, Site, SystemType, Venue
from codes import keys
from codes.models import Advice, PendingAdvice
from tests.factories import make_client

TEXT = "SECRET-TILL-4PQ9"  # The characters that no page may show.


def make_venue(site: Site, external_id: str = "921", **fields: Any) -> Venue:
    till = SystemType.objects.get(site=site, number=10)
    given = {"venue_id": f"v-{external_id}", "name": f"Venue {external_id}", **fields}
    return venues.add_venue(site, given["venue_id"], given["name"], till, external_id, actor_id="system")


def sender_of(site: Site) -> Client:
    return (
        Client.objects.filter(site=site, name="reporting till").first()
        or make_client(site, ["advise"], name="reporting till").client
    )


def make_advice(site: Site, outcome: str = "", *, parked: bool = False, text: str = TEXT, **fields: Any) -> Advice:
    """One of the site; not judged yet unless it has an outcome, with the work that it then is. Parked ones have failed."""
    now = clock.read()
    version, raw = keys.seal_bytes(site.pk, b'{"redemptionText":"%s"}' % text.encode())
    outcome = "failed" if parked else outcome
    received_at = fields.pop("received_at", now)
    given: dict[str, Any] = {
        "venue": None,
        "client": fields.pop("client", None) or sender_of(site),
        "redemption_type": "NFC",
        "happened_at": received_at - dt.timedelta(seconds=42),
        "offset_minutes": 60,
        "decided_at": received_at + dt.timedelta(seconds=1.5) if outcome else None,
        **fields,
    }
    work = {"tries": 8, "parked_at": now, "error": "OperationalError"} if parked else {}
    advice = Advice.objects.create(
        id=given.pop("id", None) or uuid.UUID(str(uuid_utils.compat.uuid7())),
        site=site,
        received_at=received_at,
        media="json",
        raw=raw,
        text=keys.seal(site.pk, text, version)[1],
        key_version=version,
        outcome=outcome,
        **given,
    )
    if parked or not outcome:
        PendingAdvice.objects.create(advice=advice, due_at=received_at, **work)
    return advice
