"""The token of a reservation, and the idempotency keys under which reservations were made and confirmed."""

import base64
from uuid import UUID

from accounts import digests, rows
from accounts.callers import Caller
from codes.models import ReservationKey
from codes.refusals import IdempotencyMismatch
from ledger.refusals import ReservationGone

COLUMNS = (
    *(("reservation_id", "uuid"), ("deed", "text"), ("caller", "text"), ("idempotency_key", "text")),
    ("fingerprint", "bytea"),
)


def token_of(reservation_id: UUID) -> str:
    """What whoever made the reservation is told: 256 bits that only the platform's secret makes of its ID.

    So the same answer can be given to the same request again, and the token is stored nowhere.
    """
    secret = digests.keyed("token of a reservation", reservation_id.bytes, size=32)
    return base64.urlsafe_b64encode(secret).rstrip(b"=").decode()


def claim_key(deed: str, reservation_id: UUID, caller: Caller, key: str, fingerprint: bytes) -> UUID | None:
    """Claim the key for this deed, first of all in its transaction; or answer the reservation that it was used for before.

    Waits for a twin that is under way. Raises IdempotencyMismatch where the key was used for something else, ReservationGone
    where another key has confirmed the reservation.
    """
    row = (reservation_id, deed, caller.key, key, fingerprint)
    if rows.insert("codes_reservationkey", COLUMNS, [row], "ON CONFLICT DO NOTHING RETURNING id"):
        return None
    earlier = ReservationKey.objects.filter(caller=caller.key, idempotency_key=key).first()
    if earlier is None:
        raise ReservationGone
    if earlier.deed != deed or not digests.equal(bytes(earlier.fingerprint), fingerprint):
        raise IdempotencyMismatch
    return earlier.reservation_id
