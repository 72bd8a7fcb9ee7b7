"""Taking reports of redemptions in: each is in the database, with its work, before its sender hears of it."""

import datetime as dt
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import uuid_utils.compat as uuid
from django.db import transaction

from accounts import budgets, clock, database, prepared, rows, turns
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
    now, venue_id = read_moment(report)
    advice = (
        advice_id, report.site_id, report.client_id, venue_id, now, report.media, raw, text, version,
        report.redemption_type, report.happened_at, report.offset_minutes, report.problem, "", 0,
    )  # fmt: skip
    with turns.one_writer(), one_commit(), rows.together():
        rows.add("codes_advice", ADVICE_COLUMNS, [advice])
        rows.add("codes_pendingadvice", WORK_COLUMNS, [(advice_id, now, 0, 0, False, "")])
    doorbell.ring_soon(TASK)
    return advice_id


def one_commit() -> Any:
    """A transaction, where the two rows are not one statement anyhow, which is a commit of its own."""
    return nullcontext() if prepared.is_hot() else transaction.atomic(durable=True)


def read_moment(report: Report) -> tuple[dt.datetime, int | None]:
    """The instant and the open venue's ID. Raises VenueUnknown."""
    if report.venue is None:
        return clock.read(), None
    instant = "clock_timestamp()" if database.is_postgresql() else "strftime('%%Y-%%m-%%dT%%H:%%M:%%f', 'now')"
    with prepared.cursor() as cursor:
        cursor.execute(
            f"""SELECT {instant}, (
                    SELECT v.id FROM accounts_venue v JOIN accounts_systemtype t ON t.id = v.system_type_id
                    WHERE t.site_id = %s AND t.number = %s AND v.site_id = t.site_id AND v.external_id = %s AND v.is_open)""",  # noqa: S608
            [report.site_id, *report.venue],
        )
        told, venue_id = cursor.fetchone()
    if venue_id is None:
        raise VenueUnknown
    return clock.read(budgets.aware(told)), venue_id
