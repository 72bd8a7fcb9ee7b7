"""A crowd: millions of codes and attempts beside the real ones, written by the database itself in a few minutes.

Only what is looked up by its characters needs a real digest, so the crowd's digests and seals are random bytes of the same
length; all else (states, owners, reasons, times, bookings) is spread as a busy site's would be, each table for itself: lists and
sums are measured over it, invariants are not checked. Triggers and constraints are off while it is written.

    DATABASE_URL=… python -m bench.crowded [--codes N] [--attempts N]      into a database that has been migrated
"""

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.db.models import Max

SMALL = 5_000  # Codes of a small batch.
LARGE_SHARE = 0.6  # Of all codes: one batch that large, the rest in small ones.
ACTIVE_IN_10 = 6
OWNED_EVERY = 1_000
RARE_EVERY = 500_000  # One code in so many is deleted, one attempt in so many failed for a rare reason.
DAYS = 90  # Over which the attempts are spread, ending now.

CODES = f"""
INSERT INTO codes_code (site_id, batch_id, order_id, terms_id, serial, lookup_odd, lookup_even, sealed, key_version, state,
    max_uses, uses, redemptions, valid_from, valid_until, owner_id, last_redeemed_at, last_actor_id, value_expired_at)
SELECT %(site)s, %(batch)s, %(order)s, %(terms)s, n, decode(md5('odd' || %(batch)s || '-' || n), 'hex'), NULL,
    decode(md5('seal' || n) || md5('ed' || n), 'hex'), 1, s.state, 1, (s.state = 'used_up')::int, (s.state = 'used_up')::int,
    NULL, now() + interval '90 days', CASE WHEN n %% {OWNED_EVERY} = 0 THEN %(user)s + n / {OWNED_EVERY} %% %(users)s END,
    CASE WHEN s.state = 'used_up' THEN now() - interval '1 day' END, CASE WHEN s.state = 'used_up' THEN 'crowd' ELSE '' END, NULL
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n, LATERAL (SELECT CASE
    WHEN n %% {RARE_EVERY} = 7 THEN 'deleted' WHEN n %% 100 = 9 THEN 'disabled'
    WHEN n %% 10 < {ACTIVE_IN_10} THEN 'active' ELSE 'used_up' END AS state) s
"""

# Numbered as the used-up codes of the large batch, and a fifth of them refused.
ATTEMPTS = f"""
INSERT INTO codes_attempt (id, site_id, door, caller, actor_id, client_id, idempotency_key, fingerprint, code_id, batch_id,
    lookup, typed, key_version, claimant_id, claimant_given, channel, venue_id, reference, outcome, reason, step, checks,
    decided_at, receipt_number, earlier_receipt, action, result, given, uses_left, use_number, claimant_use_number,
    ledger_transaction_id)
SELECT t.id, %(site)s, CASE WHEN n %% 50 = 0 THEN 'page' ELSE 'api' END, 'client:0', 'crowd', NULL,
    'crowd-' || %(batch)s || '-' || n,
    decode(md5('f' || n), 'hex'), c.id, c.batch_id, decode(md5('look' || n), 'hex'), decode(md5('typed' || n), 'hex'), 1,
    u.id, u.claimant_id, 'POS', '', 'order-' || n, o.outcome, o.reason, CASE o.outcome WHEN 'redeemed' THEN 10 ELSE 3 END,
    %(checks)s::jsonb, t.at, CASE o.outcome WHEN 'redeemed' THEN %(receipt)s + n END, NULL,
    CASE o.outcome WHEN 'redeemed' THEN 'credit' ELSE '' END,
    CASE o.outcome WHEN 'redeemed' THEN %(result)s::jsonb END, NULL, CASE o.outcome WHEN 'redeemed' THEN 0 END,
    CASE o.outcome WHEN 'redeemed' THEN 1 END, CASE o.outcome WHEN 'redeemed' THEN 1 END,
    CASE o.outcome WHEN 'redeemed' THEN t.id END
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
    CROSS JOIN LATERAL (SELECT now() - interval '{DAYS} days' * (1 - n::float8 / %(attempts)s) AS at) w
    CROSS JOIN LATERAL (SELECT (lpad(to_hex((extract(epoch FROM w.at) * 1000)::bigint), 12, '0')
        || '7' || lpad(to_hex(n %% 4096), 3, '0') || '8'
        || lpad(to_hex(%(batch)s::bigint), 5, '0') || lpad(to_hex(n), 10, '0'))::uuid AS id, w.at) t
    CROSS JOIN LATERAL (SELECT CASE WHEN n %% 5 = 0 THEN 'refused' ELSE 'redeemed' END AS outcome,
        CASE WHEN n %% 5 > 0 THEN '' WHEN n %% {RARE_EVERY} = 0 THEN 'cooldown_active' WHEN n %% 20 = 0 THEN 'code_expired'
             ELSE 'code_not_found' END AS reason) o
    JOIN accounts_user u ON u.id = %(user)s + n %% %(users)s
    LEFT JOIN LATERAL (SELECT %(first_id)s + n AS id, %(batch)s::bigint AS batch_id
        WHERE o.reason <> 'code_not_found') c ON true
"""

BOOKINGS = """
INSERT INTO ledger_ledgertransaction (id, site_id, type, comment, reference, reverses_id, booked_at)
SELECT id, site_id, 'credit', '', '', NULL, decided_at FROM codes_attempt
WHERE idempotency_key LIKE 'crowd-' || %(batch)s || '-%%' AND outcome = 'redeemed';
INSERT INTO ledger_transfer (transaction_id, debit_account_id, credit_account_id, amount, batch_number, booked_at)
SELECT t.id, %(outstanding)s, l.id, %(worth)s, %(batch)s, t.decided_at FROM codes_attempt t
JOIN ledger_ledgeraccount l ON l.owner_id = t.claimant_id AND l.kind = 'cash'
WHERE t.idempotency_key LIKE 'crowd-' || %(batch)s || '-%%' AND t.outcome = 'redeemed' ORDER BY t.decided_at;
UPDATE ledger_ledgeraccount a SET balance = m.net, booked_through = m.last FROM (
    SELECT account, sum(net) AS net, max(id) AS last FROM (
        SELECT credit_account_id AS account, amount AS net, id FROM ledger_transfer
        UNION ALL SELECT debit_account_id, -amount, id FROM ledger_transfer) legs GROUP BY account) m
WHERE a.id = m.account AND a.balance IS NOT NULL;
"""


def crowd(codes: int, attempts: int) -> dict[str, Any]:
    """Write so many codes and attempts beside what there is; answers the large batch and how long it took.

    The site must have one batch with a redeemed code: its terms, checks and result are what the crowd's rows repeat.
    """
    started = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0")
        cursor.execute("SET session_replication_role = replica; SET maintenance_work_mem = '512MB'")
    from ledger import summing

    try:
        large, worth = int(codes * LARGE_SHARE), like()
        name = f"crowd of {codes:,}"
        with without_indexes("codes_code", "codes_attempt", "ledger_transfer", "ledger_ledgertransaction"):
            facts = {**worth, **write_codes(large, name, worth)}
            for number in range((codes - large) // SMALL):
                write_codes(SMALL, f"{name}, {number}", worth)
            write_attempts(attempts, facts)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")
    finally:
        connection.close()  # With everything that was switched off on it.
    summing.sum_up(seconds=600)  # As the due-poller would have, little by little.
    return {"batch_id": facts["batch"], "seconds": round(time.monotonic() - started)}


def like() -> dict[str, Any]:
    """What the crowd's rows repeat of the first redemption there is."""
    from codes.models import Attempt
    from ledger.opening import outstanding_account

    attempt = Attempt.objects.filter(outcome="redeemed").select_related("code__terms__asset").earliest("decided_at")
    code = attempt.code
    assert code is not None
    assert code.terms.asset is not None
    first = code.site.users.earliest("id")
    return {
        "site": code.site_id,
        "terms": code.terms_id,
        "asset": code.terms.asset,
        "worth": code.terms.value,
        "checks": json.dumps(attempt.checks),
        "result": json.dumps(attempt.result),
        "receipt": 1_000_000_000 + (Attempt.objects.aggregate(most=Max("receipt_number"))["most"] or 0),
        "user": first.pk,
        "users": code.site.users.count(),
        "account": outstanding_account,
    }


def write_codes(count: int, name: str, like: dict[str, Any]) -> dict[str, Any]:
    """A batch of ``count`` codes with its order, and its value booked."""
    from accounts import clock
    from codes import batch_value
    from codes.models import Batch, Code, IssueOrder

    now = clock.read()
    with transaction.atomic():
        batch = Batch.objects.create(
            site_id=like["site"], name=name, state="active", last_serial=count, created_by="crowd", created_at=now
        )
        order = IssueOrder.objects.create(
            site_id=like["site"], batch=batch, terms_id=like["terms"], wanted=count, issued=count, first_serial=1,
            state="done", caller="crowd", actor_id="crowd", due_at=now, created_at=now, started_at=now, finished_at=now,
        )  # fmt: skip
        given = {name: like[name] for name in ("site", "terms", "user", "users")}
        with connection.cursor() as cursor:
            cursor.execute(CODES, {**given, "batch": batch.pk, "order": order.pk, "first": 1, "last": count})
        account = like["account"](like["site"], like["asset"], batch.pk)
        batch_value.move(
            "activation", "funding", "outstanding", site_id=like["site"], batch_id=batch.pk, asset=like["asset"],
            amount=like["worth"] * count, comment="crowd", now=now,
        )  # fmt: skip
    first = Code.objects.filter(batch=batch).earliest("serial").pk
    return {"batch": batch.pk, "outstanding": account.pk, "first_id": first - 1}


def write_attempts(count: int, facts: dict[str, Any]) -> None:
    given = {name: value for name, value in facts.items() if name not in ("asset", "account")}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(ATTEMPTS, {**given, "attempts": count, "first": 1, "last": count})
        for statement in BOOKINGS.split(";")[:-1]:
            cursor.execute(statement, given)


@contextmanager
def without_indexes(*tables: str) -> Iterator[None]:
    """The indexes that are no constraints, gone while the tables are filled: sorted and built at the end, four times as fast."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i
               WHERE i.indrelid = ANY(%s::regclass[])
                 AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)""",
            [list(tables)],
        )
        found = cursor.fetchall()
        for name, _ in found:
            cursor.execute(f"DROP INDEX {name}")
        yield
        for _, definition in found:
            cursor.execute(definition)


if __name__ == "__main__":
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "redemption_site.settings")
    django.setup()
    parser = argparse.ArgumentParser(prog="python -m bench.crowded", description="Write a crowd of codes and attempts.")
    parser.add_argument("--codes", type=int, default=5_000_000)
    parser.add_argument("--attempts", type=int, default=2_000_000)
    options = parser.parse_args()
    print(crowd(options.codes, options.attempts))
