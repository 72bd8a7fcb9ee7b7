"""The hand-written SQL with which a token is redeemed: each statement is prepared once, and takes any number of accounts.

The ORM costs more Python a query than the database needs to answer it, and a redemption of points has a dozen.
"""

import datetime as dt
from typing import Any
from uuid import UUID

from accounts import defects, locking, prepared, rows
from accounts.budgets import aware
from ledger.models import AccountHold, Reservation, Spending

ENDED_COLUMNS = (("id", "uuid"), ("ended_as", "text"), ("ended_at", "timestamptz"), ("transaction_id", "uuid"))
SPENDING_COLUMNS = (
    *(("transaction_id", "uuid"), ("site_id", "bigint"), ("owner_id", "bigint"), ("reservation_id", "uuid")),
    *(("household_id", "bigint"), ("caller", "text"), ("business_unit", "text"), ("channel", "text")),
    *(("external_reference", "text"), ("correlation_id", "text")),
)


def lock_reservation(token_digest: bytes) -> Reservation | None:
    """The reservation of a token, locked; of its columns without ``created_at``, ``ended_at``, ``details`` and the transaction."""
    found = locking.select_for_update(
        """SELECT r.id, r.caller, r.owner_id, r.household_id, r.kind, r.site_id, r.token_digest, r.expires_at, r.ended_as
           FROM ledger_reservation r WHERE r.token_digest = %s ORDER BY r.id {lock r}""",
        [token_digest],
    )
    if not found:
        return None
    id_, caller, owner_id, household_id, kind, site_id, digest, expires_at, ended_as = found[0]
    reservation = Reservation(
        id=rows.as_uuid(id_),
        site_id=site_id,
        token_digest=bytes(digest),
        caller=caller,
        owner_id=owner_id,
        household_id=household_id,
        kind=kind,
        expires_at=aware(expires_at),
        ended_as=ended_as,
    )
    reservation._state.adding = False
    return reservation


def read_open_holds(reservation_id: UUID) -> list[AccountHold]:
    """The reservation's open holds, each with ``asset_id`` and the site's ``external_id`` account for that asset."""
    with prepared.cursor() as cursor:
        cursor.execute(
            """SELECT h.id, h.account_id, h.amount, a.asset_id,
                      (SELECT x.id FROM ledger_ledgeraccount x
                       WHERE x.site_id = a.site_id AND x.asset_id = a.asset_id AND x.purpose = 'external'
                         AND x.owner_id IS NULL AND x.batch_number IS NULL)
               FROM ledger_accounthold h JOIN ledger_ledgeraccount a ON a.id = h.account_id
               WHERE h.reservation_id = %s AND h.ended_as = '' ORDER BY h.account_id""",
            [rows.stored(reservation_id)],
        )
        found = cursor.fetchall()
    holds = []
    for id_, account_id, amount, asset_id, external_id in found:
        hold: Any = AccountHold(id=id_, reservation_id=reservation_id, account_id=account_id, amount=amount)
        hold.asset_id, hold.external_id = asset_id, external_id
        holds.append(hold)
    return holds


def end_reservation(reservation_id: UUID, ended_as: str, now: dt.datetime, transaction_id: UUID | None) -> int:
    """End it if it has not ended; answers how many rows that were."""
    source, params = rows.as_table(ENDED_COLUMNS, [(reservation_id, ended_as, now, transaction_id)])
    guard = "" if defects.switched_on("guard") else "AND ledger_reservation.ended_as = ''"
    touched = rows.write(
        f"""UPDATE ledger_reservation SET ended_as = v.ended_as, ended_at = v.ended_at, transaction_id = v.transaction_id
            FROM {source} WHERE ledger_reservation.id = v.id {guard}""",  # noqa: S608
        params,
    )
    return touched.count


def add_spending(spending: Spending) -> None:
    """Write what was said of a transaction that spent."""
    rows.add("ledger_spending", SPENDING_COLUMNS, [[getattr(spending, name) for name, _ in SPENDING_COLUMNS]])
    spending._state.adding = False
