"""What is always true of codes that are held by reservations."""

from accounts.invariants import Invariant

INVARIANTS = (
    Invariant(
        "I12",
        "what is held of a code is its open holds, and there is a use left for each",
        """SELECT c.id, c.held, c.uses, c.max_uses, COALESCE(h.open, 0) AS open_holds
           FROM codes_code c
           LEFT JOIN (SELECT code_id, COUNT(*) AS open FROM codes_hold WHERE ended_as = '' GROUP BY code_id) h
                  ON h.code_id = c.id
           WHERE (c.held <> 0 OR h.open IS NOT NULL)
             AND (c.held <> COALESCE(h.open, 0) OR c.held > c.max_uses - c.uses)""",
    ),
    Invariant(
        "I12",
        "a hold that was consumed was redeemed with, once, for the owner of its reservation; no other was",
        """SELECT h.id, h.code_id, h.reservation_id, h.ended_as, a.outcome
           FROM codes_hold h JOIN ledger_reservation r ON r.id = h.reservation_id
           LEFT JOIN codes_attempt a ON a.id = h.attempt_id
           WHERE (h.ended_as = 'consumed') <> (h.attempt_id IS NOT NULL)
              OR (h.attempt_id IS NOT NULL
                  AND (a.code_id = h.code_id AND a.outcome = 'redeemed' AND a.decided_at = h.ended_at
                       AND (r.owner_id IS NULL OR a.claimant_id = r.owner_id)) IS NOT TRUE)""",
    ),
    Invariant(
        "I12",
        "a hold is of its reservation's site and time, and a reservation that was consumed or released holds no code",
        """SELECT h.id, h.code_id, h.reservation_id, h.ended_as, r.ended_as AS reservation_ended_as
           FROM codes_hold h JOIN codes_code c ON c.id = h.code_id
           JOIN ledger_reservation r ON r.id = h.reservation_id
           WHERE c.site_id <> r.site_id OR h.expires_at <> r.expires_at OR r.kind <> 'native'
              OR (h.ended_as = '' AND r.ended_as IN ('consumed', 'released'))""",
    ),
    Invariant(
        "I14",
        "a key belongs to one reservation of its caller",
        """SELECT k.id, k.reservation_id, k.caller, r.caller AS made_by
           FROM codes_reservationkey k JOIN ledger_reservation r ON r.id = k.reservation_id
           WHERE k.caller <> r.caller""",
    ),
)
