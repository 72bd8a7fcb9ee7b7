"""Reading claimed advices for their judgement: plain rows, since one object of each would cost a tenth of all the work."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from accounts import budgets, prepared, rows
from codes import keys
from codes.advice import inbox


class Received(NamedTuple):
    """An advice without its body; ``venue_id`` is the platform's own ID of the venue, or nothing."""

    pk: UUID
    site_id: int
    client_id: int
    venue_id: str
    received_at: dt.datetime
    happened_at: dt.datetime | None
    problem: str
    redemption_type: str
    text: bytes | None
    key_version: int
    rounds: int

    def unsealed(self) -> str:
        """The redemption text. Raises as ``keys.unseal``."""
        return "" if self.text is None else keys.unseal(self.site_id, self.key_version, self.text)


def read_advices(ids: Sequence[UUID]) -> list[Received]:
    """The claimed advices in the order of their arrival, as well as one table row can tell it."""
    wanted, params = rows.one_of("a.id", "uuid", inbox.stored(ids))
    with prepared.cursor() as cursor:
        cursor.execute(
            f"""SELECT a.id, a.site_id, a.client_id, COALESCE(v.venue_id, ''), a.received_at, a.happened_at, a.problem,
                       a.redemption_type, a.text, a.key_version, a.rounds
                FROM codes_advice a LEFT JOIN accounts_venue v ON v.id = a.venue_id WHERE {wanted}""",  # noqa: S608
            params,
        )
        found = [received(row) for row in cursor.fetchall()]
    return sorted(found, key=lambda each: (each.received_at, each.pk))


def received(row: tuple[object, ...]) -> Received:
    read = Received(*row)  # type: ignore[arg-type]
    if isinstance(read.pk, UUID):
        return read
    happened_at = read.happened_at and budgets.aware(read.happened_at)
    return read._replace(pk=rows.as_uuid(read.pk), received_at=budgets.aware(read.received_at), happened_at=happened_at)
