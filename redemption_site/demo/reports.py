"""What tills of the demonstration have reported: a venue or two, and advices with most of the outcomes there are."""

import datetime as dt

import orjson

from accounts import client_keys, clock, till_keys, venues
from accounts.models import Client, Site, SystemType, TillKey, Venue
from codes import issuing
from codes.advice import accepting, draining
from codes.advice.accepting import Report
from codes.models import Advice, Batch
from codes.models.terms import UNLIMITED_USES
from redemption_site.demo.people import ACTOR, People

CLIENT_NAME = "Demo tills"
TILL = "vmob.windows.1"  # The contract's own example: its secret is empty.
VENUES = (("counter", "Corner Café, Mitte", "921"), ("kiosk", "Kiosk at the station", "500"))
SHARED, UNIQUE, ELSEWHERE, OLD = (
    "Till: burger week",
    "Till: one free drink",
    "Till: only at the kiosk",
    "Till: last winter",
)
MINUTES_BETWEEN = 25


def load_reports(people: People) -> None:
    """Venues, a till, codes, and a day of reports that have been judged; once."""
    site = people.site
    for venue_id, name, external_id in VENUES:
        load_venue(site, venue_id, name, external_id)
    client = load_till(site)
    if Advice.objects.filter(site=site).exists():
        return
    load_codes(site)
    now = clock.read()
    for number, (text, external_id, problem) in enumerate(stories()):
        moment = now - dt.timedelta(minutes=MINUTES_BETWEEN * number + 3)
        accepting.accept(report(client, text, external_id, moment.replace(microsecond=0), problem))
    draining.drain(seconds=10)


def load_venue(site: Site, venue_id: str, name: str, external_id: str) -> None:
    if not Venue.objects.filter(site=site, venue_id=venue_id).exists():
        till = SystemType.objects.get(site=site, number=venues.TILL[0])
        venues.add_venue(site, venue_id, name, till, external_id, actor_id=ACTOR)


def load_till(site: Site) -> Client:
    """The client that the till acts as; the name is one on the whole platform."""
    existing = TillKey.objects.select_related("client").filter(name=TILL).first()
    if existing is not None:
        return existing.client
    client = client_keys.create_client(site, CLIENT_NAME, [Client.Scope.ADVISE], actor_id=ACTOR).client
    till_keys.add_pair(client, TILL, "", actor_id=ACTOR)
    return client


def load_codes(site: Site) -> None:
    """A text that many share, unique codes, one for a single venue, and one that has ended."""
    ended = clock.read().date() - dt.timedelta(days=30)
    for name, texts, fields in (
        (SHARED, ["BURGER"], {"uses": UNLIMITED_USES}),
        (UNIQUE, [f"DRINK-{number:04d}" for number in range(2, 10)], {}),
        (ELSEWHERE, ["KIOSK-ONLY-7"], {"venues": ["kiosk"]}),
        (OLD, ["WINTER-7K4M"], {"valid_until": ended}),
    ):
        if not Batch.objects.filter(site=site, name=name).exists():
            new = issuing.NewBatch(
                site_id=site.pk, name=name, count=len(texts), caller_key=ACTOR, actor_id=ACTOR,
                action="fulfilment", parameters={"item": "What the till has handed over"}, **fields,
            )  # fmt: skip
            issuing.issue_supplied(new, texts)


def stories() -> list[tuple[str, str, str]]:
    """(text, external venue ID, what could not be read), the newest first."""
    told = []
    for number in range(2, 10):
        told += [("BURGER", "921", ""), (f"DRINK-{number:04d}", "500" if number % 2 else "921", "")]
    told += [("BURGER", "500", "")] * 9
    told[3:3] = [("DRINK-0002", "921", ""), ("BURGERS", "921", ""), ("KIOSK-ONLY-7", "921", "")]
    told[12:12] = [("WINTER-7K4M", "500", ""), ("BURGER", "921", "invalid_date"), ("KIOSK-ONLY-7", "500", "")]
    return told


def report(client: Client, text: str, external_id: str, moment: dt.datetime, problem: str) -> Report:
    """As a till would have sent it, one hour east of UTC."""
    date = "yesterday" if problem else f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    sent = {
        "redemptionText": text,
        "externalVenueId": external_id,
        "externalVenueSystemType": venues.TILL[0],
        "redemptionType": "NFC" if len(text) % 2 else "QR",
        "redemptionDate": date,
        "redemptionAdviceTimezoneOffset": "+01:00",
    }
    return Report(
        site_id=client.site_id,
        client_id=client.pk,
        media="json",
        raw=orjson.dumps(sent),
        text=text,
        venue=(venues.TILL[0], external_id),
        redemption_type=str(sent["redemptionType"]),
        happened_at=None if problem else moment,
        offset_minutes=60,
        problem=problem,
    )
