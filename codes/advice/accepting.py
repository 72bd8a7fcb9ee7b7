"""Taking reports of redemptions in: each is in the database, with its work, before its sender hears of it."""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID


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
    raise NotImplementedError
