"""Taking reports of redemptions in: each is in the database, with its work, before its sender hears of it."""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import uuid_utils.compat as uuid
from django.db import transaction

from accounts import clock, database, prepared, rows, turns
from codes import doorbell, keys

ADVICE_COLUMNS = (
    ("id", "uuid"), ("site_id", "bigint"), ("client_id", "bigint"), ("venue_id", "bigint"), ("received_at", "timestamptz"),
    ("media", "text"), ("raw", "bytea"), ("text", "bytea"), ("key_version", "smallint"), ("redemption_type", "text"),
    ("happened_at", "timestamptz"), ("offset_minutes", "smallint"), ("problem", "text"), ("outcome", "text"),
    ("rounds", "smallint"),
)  # fmt: skip
WORK_COLUMNS = (
    ("advice_id", "uuid"), ("due_at", "timestamptz"), ("token", "bigint"), ("tries", "smallint"), ("leased", "boolean"),
    ("error", "text"),
)  # fmt: skip
TASK = "codes.drain_advices"


class VenueUnknown(Exception):
    """No open venue of the site has this external ID in a system of this type."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a till says, as it was read. Source: redemption advice, section 4.

    ``text`` is None where it is not a text at all. ``venue`` is (system type, external ID). ``problem`` names what could not be
    read, as the outcome that follows from it; a date or an offset that was not given is None and no problem.
    """

    site_id: int
    client_id: int
    media: str
    raw: bytes
    text: str | None
    venue: tuple[int, str] | None = None
    redemption_type: str = ""
    happened_at: dt.datetime | None = None
    offset_minutes: int | None = None
    problem: str = ""


def accept(report: Report) -> UUID:
    """Keep one report and its work, and ring for a worker; answers the advice's ID once it is committed.

    Nothing is looked up but the venue. Raises VenueUnknown, and DatabaseError where it could not be kept.
    """
    advice_id = uuid.uuid7()
    version, raw = keys.seal_bytes(report.site_id, report.raw)
    text = None if report.text is None else keys.seal(report.site_id, report.text, version)[1]
    known = {
        "id": advice_id, "site_id": report.site_id, "client_id": report.client_id, "media": report.media, "raw": raw,
        "text": text, "key_version": version, "redemption_type": report.redemption_type,
        "happened_at": report.happened_at, "offset_minutes": report.offset_minutes, "problem": report.problem,
        "outcome": "", "rounds": 0,
    }  # fmt: skip
    if database.is_postgresql():
        keep_at_once(known, report)
    else:
        keep_apart(known, report)
    doorbell.ring_soon(TASK)
    return advice_id


VENUE = """
    (SELECT v.id FROM accounts_venue v JOIN accounts_systemtype t ON t.id = v.system_type_id
     WHERE t.site_id = %s AND t.number = %s AND v.site_id = t.site_id AND v.external_id = %s AND v.is_open)"""


def keep_at_once(known: dict[str, Any], report: Report) -> None:
    """The clock, the venue, both rows and the commit are one exchange with the database. Raises VenueUnknown."""
    now, params = clock.in_sql()
    venue, wanted = ("NULL::bigint", "TRUE") if report.venue is None else (VENUE, "moment.venue_id IS NOT NULL")
    told = {"venue_id": "moment.venue_id", "received_at": "moment.now"}
    values = ", ".join(told.get(name, f"%s::{kind}") for name, kind in ADVICE_COLUMNS)
    with prepared.cursor() as cursor:
        cursor.execute(
            f"""WITH moment AS MATERIALIZED (SELECT {now} AS now, {venue} AS venue_id), kept AS (
                    INSERT INTO {rows.named("codes_advice", ADVICE_COLUMNS)} SELECT {values} FROM moment WHERE {wanted}
                    RETURNING id, received_at
                )
                INSERT INTO {rows.named("codes_pendingadvice", WORK_COLUMNS)}
                SELECT id, received_at, 0, 0, FALSE, '' FROM kept""",  # noqa: S608
            [*params, *asked(report), *(known[name] for name, _ in ADVICE_COLUMNS if name not in told)],
        )
        if not cursor.rowcount:
            raise VenueUnknown


def keep_apart(known: dict[str, Any], report: Report) -> None:
    """The same on SQLite, one statement after another in one transaction. Raises VenueUnknown."""
    venue_id = None
    if report.venue is not None:
        with prepared.cursor() as cursor:
            cursor.execute(f"SELECT {VENUE}", asked(report))
            venue_id = cursor.fetchone()[0]
        if venue_id is None:
            raise VenueUnknown
    now = clock.read()
    row = {**known, "venue_id": venue_id, "received_at": now}
    with turns.one_writer(), transaction.atomic(durable=True):
        rows.add("codes_advice", ADVICE_COLUMNS, [[row[name] for name, _ in ADVICE_COLUMNS]])
        rows.add("codes_pendingadvice", WORK_COLUMNS, [(known["id"], now, 0, 0, False, "")])


def asked(report: Report) -> list[Any]:
    return [] if report.venue is None else [report.site_id, *report.venue]
