"""Reports of redemptions for the tests: a till, what it reports, and what became of it."""

import datetime as dt
from typing import Any

from accounts.client_keys import NewKey
from accounts.models import Client, Site, SystemType, Venue
from codes.advice import accepting, draining
from codes.advice.accepting import Report
from codes.models import Advice
from tests.factories import make_client

HAPPENED = dt.datetime(2026, 3, 5, 12, 0, tzinfo=dt.UTC)


def make_venue(site: Site, external_id: str = "921", number: int = 10, **fields: Any) -> Venue:
    """An open venue that the site's system ``number`` knows by ``external_id``, which is its own ID too."""
    system_type, _ = SystemType.objects.get_or_create(site=site, number=number, defaults={"name": "Till"})
    fields = {"venue_id": external_id, "name": f"Venue {external_id}", **fields}
    return Venue.objects.create(site=site, system_type=system_type, external_id=external_id, **fields)


def make_till(site: Site) -> NewKey:
    return make_client(site, ["advise"], name="till")


def report_of(client: Client, text: str | None = "ABC-E6W5F", **fields: Any) -> Report:
    """What a till says of a redemption on 5 March 2026 at noon, unless told otherwise."""
    return Report(
        **{
            "site_id": client.site_id,
            "client_id": client.pk,
            "media": "json",
            "raw": b"{}",
            "text": text,
            "happened_at": HAPPENED,
            "offset_minutes": 0,
            **fields,
        }
    )


def advise(client: Client, text: str | None = "ABC-E6W5F", **fields: Any) -> Advice:
    """Report, have it judged, and answer the advice as it then stands."""
    advice_id = accepting.accept(report_of(client, text, **fields))
    draining.drain()
    return Advice.objects.select_related("attempt").get(pk=advice_id)
