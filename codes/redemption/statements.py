"""The hand-written SQL of the hot path, and nowhere else: a fixed number of statements however long the list.

The ORM costs 0.6 to 0.8 ms of Python a query, more than the whole redemption costs the database.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import orjson
from django.db import connection

from accounts import budgets, defects, locking, prepared, rows
from accounts.rows import one_of, one_pair_of
from codes import keys
from codes.redemption.case import CodeFacts, Redemption

CODE_FACTS = """
    SELECT c.id, c.site_id, c.batch_id, c.serial, c.lookup_odd, c.lookup_even, c.sealed, c.key_version, c.state,
           c.max_uses, c.uses, c.redemptions, c.valid_from, c.valid_until, c.owner_id,
           b.state, b.total_cap, b.uses_in_force, o.state,
           t.action, t.parameters, t.asset_id, s.code, s.kind, s.exponent, t.value,
           t.uses_per_claimant, t.cooldown_seconds, t.venues, a.id,
           EXISTS (SELECT 1 FROM codes_codehold h JOIN codes_reservation r ON r.id = h.reservation_id
                   WHERE h.code_id = c.id AND r.ended_as = '')
    FROM codes_code c
    JOIN codes_batch b ON b.id = c.batch_id
    JOIN codes_issueorder o ON o.id = c.order_id
    JOIN codes_terms t ON t.id = c.terms_id
    LEFT JOIN ledger_asset s ON s.id = t.asset_id
    LEFT JOIN ledger_ledgeraccount a ON a.batch_number = c.batch_id AND a.asset_id = t.asset_id
    WHERE {wanted}
"""


def fetch(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    with prepared.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def lock_codes(lookups: dict[int, set[tuple[int, bytes]]]) -> list[int]:
    """Lock the codes found under (site ID, digest) of each key version, in ID order; answers their IDs."""
    arms, params = [], []
    for version, found in lookups.items():
        # A digest is bound to its site, so the site only helps the index.
        of_site, sites = one_of("c.site_id", "bigint", sorted({site for site, _ in found}))
        of_digest, digests = one_of(
            f"c.lookup_{'odd' if version % 2 else 'even'}", "bytea", sorted({digest for _, digest in found})
        )
        arms.append(f"{of_site} AND {of_digest}")
        params += [*sites, *digests]
    sql = f"SELECT c.id FROM codes_code c WHERE {' OR '.join(arms)} ORDER BY c.id {{lock}}"  # noqa: S608
    return [row[0] for row in locking.select_for_update(sql, params, of="c")]


def lock_batches(batch_ids: Iterable[int]) -> None:
    ids = sorted(set(batch_ids))
    if ids:
        wanted, params = one_of("b.id", "bigint", ids)
        sql = f"SELECT b.id FROM codes_batch b WHERE {wanted} ORDER BY b.id {{lock}}"  # noqa: S608
        locking.select_for_update(sql, params, of="b")


def read_codes(ids: Sequence[int]) -> list[CodeFacts]:
    """The locked codes with their batch, order, terms and outstanding account, as they are now."""
    if not ids:
        return []
    wanted, params = one_of("c.id", "bigint", ids)
    return [_code_facts(row) for row in fetch(CODE_FACTS.format(wanted=wanted), params)]


def _code_facts(row: tuple[Any, ...]) -> CodeFacts:
    facts = CodeFacts(*row)
    if connection.vendor == "sqlite":
        facts.valid_from = facts.valid_from and budgets.aware(facts.valid_from)
        facts.valid_until = facts.valid_until and budgets.aware(facts.valid_until)
    if isinstance(facts.parameters, str):  # JSON comes as text from a cursor of Django's, on both databases.
        facts.parameters, facts.venues = orjson.loads(facts.parameters), orjson.loads(facts.venues)
    return facts


def read_sites_with_own_codes(site_ids: Iterable[int]) -> set[int]:
    """Those of the sites that have issued codes of our own format."""
    wanted, params = one_of("s.id", "bigint", sorted(set(site_ids)))
    found = fetch(
        f"""SELECT s.id FROM accounts_site s WHERE {wanted}
            AND EXISTS (SELECT 1 FROM codes_terms t WHERE t.site_id = s.id AND t.format = 'ours')""",  # noqa: S608
        params,
    )
    return {row[0] for row in found}


def read_claimants(wanted: Iterable[tuple[int, str]]) -> list[tuple[Any, ...]]:
    """(ID, site, claimant ID, active, e-mail, account kind, account ID) per ledger account of each claimant."""
    asked, params = one_pair_of(("u.site_id", "bigint"), ("u.claimant_id", "text"), sorted(wanted))
    return fetch(
        f"""SELECT u.id, u.site_id, u.claimant_id, u.is_active, u.email, a.kind, a.id
            FROM accounts_user u LEFT JOIN ledger_ledgeraccount a ON a.owner_id = u.id
            WHERE {asked}""",  # noqa: S608
        params,
    )


def read_uses(wanted: Collection[tuple[int, int]]) -> dict[tuple[int, int], tuple[int, int, int]]:
    """(code ID, user ID) → (uses in force, redemptions ever, last receipt number)."""
    if not wanted:
        return {}
    asked, params = one_pair_of(("a.code_id", "bigint"), ("a.claimant_id", "bigint"), sorted(wanted))
    found = fetch(
        f"""SELECT a.code_id, a.claimant_id, COUNT(*) - COUNT(r.id), MAX(a.claimant_use_number), MAX(a.receipt_number)
            FROM codes_attempt a LEFT JOIN codes_reversal r ON r.attempt_id = a.id AND r.give_use_back
            WHERE {asked} AND a.claimant_use_number IS NOT NULL
            GROUP BY a.code_id, a.claimant_id""",  # noqa: S608
        params,
    )
    return {(row[0], row[1]): (row[2], row[3], row[4]) for row in found}


def read_last_redemptions(codes: Sequence[CodeFacts]) -> dict[int, Redemption]:
    """The last redemption of each code that was ever redeemed."""
    if not codes:
        return {}
    asked, params = one_pair_of(
        ("a.code_id", "bigint"), ("a.use_number", "integer"), [(code.id, code.redemptions) for code in codes]
    )
    found = fetch(
        f"""SELECT a.code_id, a.receipt_number, a.claimant_id, a.caller FROM codes_attempt a
            WHERE {asked}""",  # noqa: S608
        params,
    )
    return {row[0]: Redemption(*row[1:]) for row in found}


def read_last_in_batch(wanted: Collection[tuple[int, int]]) -> dict[tuple[int, int], dt.datetime]:
    """(user ID, batch ID) → when that claimant last redeemed a code of that batch."""
    if not wanted:
        return {}
    asked, params = one_pair_of(("a.claimant_id", "bigint"), ("a.batch_id", "bigint"), sorted(wanted))
    found = fetch(
        f"""SELECT a.claimant_id, a.batch_id, MAX(a.decided_at) FROM codes_attempt a
            WHERE {asked} AND a.outcome = 'redeemed'
            GROUP BY a.claimant_id, a.batch_id""",  # noqa: S608
        params,
    )
    return {(row[0], row[1]): budgets.aware(row[2]) for row in found}


def read_holds(code_ids: Sequence[int]) -> list[tuple[int, bytes, dt.datetime]]:
    """(code ID, digest of the reservation's token, its end) of every hold that has not ended."""
    wanted, params = one_of("h.code_id", "bigint", code_ids)
    found = fetch(
        f"""SELECT h.code_id, r.token_digest, r.expires_at FROM codes_codehold h
            JOIN codes_reservation r ON r.id = h.reservation_id
            WHERE {wanted} AND r.ended_as = ''""",  # noqa: S608
        params,
    )
    return [(row[0], bytes(row[1]), budgets.aware(row[2])) for row in found]


ATTEMPT_COLUMNS = (
    ("id", "uuid"), ("site_id", "bigint"), ("door", "text"), ("caller", "text"), ("actor_id", "text"),
    ("client_id", "bigint"), ("idempotency_key", "text"), ("fingerprint", "bytea"), ("code_id", "bigint"),
    ("batch_id", "bigint"), ("lookup", "bytea"), ("typed", "bytea"), ("key_version", "smallint"),
    ("claimant_id", "bigint"), ("claimant_given", "text"), ("channel", "text"), ("venue_id", "text"),
    ("reference", "text"), ("outcome", "text"), ("reason", "text"), ("step", "smallint"), ("checks", "jsonb"),
    ("decided_at", "timestamptz"), ("receipt_number", "bigint"), ("earlier_receipt", "bigint"), ("action", "text"),
    ("result", "jsonb"), ("given", "jsonb"), ("uses_left", "integer"), ("use_number", "integer"),
    ("claimant_use_number", "integer"), ("ledger_transaction_id", "uuid"),
)  # fmt: skip
JSON_COLUMNS = frozenset({"checks", "result", "given"})
KEPT_ONCE = "ON CONFLICT (caller, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING"


def insert_attempts(attempts: Sequence[Any]) -> rows.Touched:
    """Write attempts in their order; one whose key is taken is left out, and not counted."""
    return rows.add(
        "codes_attempt",
        ATTEMPT_COLUMNS,
        [
            [
                orjson.dumps(value).decode() if name in JSON_COLUMNS and value is not None else value
                for name, value in ((name, getattr(attempt, name)) for name, _ in ATTEMPT_COLUMNS)
            ]
            for attempt in attempts
        ],
        "" if defects.switched_on("guard") else KEPT_ONCE,
    )


def draw_receipt_numbers(count: int) -> list[int]:
    """The next ``count`` receipt numbers. A lost transaction leaves a gap; numbers only ever rise."""
    if not count:
        return []
    if connection.vendor == "postgresql":
        return [row[0] for row in fetch("SELECT nextval('codes_receipt_number') FROM generate_series(1, %s)", [count])]
    last = fetch("SELECT COALESCE(MAX(receipt_number), 0) FROM codes_attempt", [])[0][0]
    return list(range(last + 1, last + 1 + count))


def guard(condition: str) -> str:
    """What a guarded UPDATE asks of its row: its last look, should the judgement have been wrong."""
    return f"({condition} OR TRUE)" if defects.switched_on("guard") else condition


def use_codes(uses: dict[int, tuple[int, str]], now: dt.datetime) -> rows.Touched:
    """Count {code ID: (uses, actor of the last)} on the codes, guarded; counted are the codes that took them all."""
    source, params = rows.as_table(
        (("id", "bigint"), ("n", "integer"), ("actor", "text")), [(i, n, a) for i, (n, a) in sorted(uses.items())]
    )
    room = guard("codes_code.state = 'active' AND codes_code.uses + v.n <= codes_code.max_uses")
    return rows.write(
        f"""UPDATE codes_code SET
                uses = codes_code.uses + v.n,
                redemptions = codes_code.redemptions + v.n,
                state = CASE WHEN codes_code.uses + v.n >= codes_code.max_uses THEN 'used_up' ELSE codes_code.state END,
                last_redeemed_at = %s, last_actor_id = v.actor
            FROM {source}
            WHERE codes_code.id = v.id AND {room}""",  # noqa: S608
        [budgets.stored(now), *params],
    )


def use_batch(batch_id: int, uses: int) -> rows.Touched:
    """Count uses on a capped batch, guarded by its cap."""
    room = guard("uses_in_force + %s <= total_cap")
    return rows.write(
        f"UPDATE codes_batch SET uses_in_force = uses_in_force + %s WHERE id = %s AND {room}",  # noqa: S608
        [uses, batch_id, uses],
    )


def insert_mails(attempt_ids: Sequence[Any], now: dt.datetime) -> None:
    columns = (
        ("attempt_id", "uuid"), ("state", "text"), ("due_at", "timestamptz"), ("token", "bigint"),
        ("tries", "smallint"), ("error", "text"),
    )  # fmt: skip
    rows.add("codes_receiptmail", columns, [(attempt_id, "due", now, 0, 0, "") for attempt_id in attempt_ids])


def find_keys(wanted: Iterable[tuple[str, str]]) -> list[Any]:
    """The IDs of the attempts that have these (caller, idempotency key)."""
    asked, params = one_pair_of(("a.caller", "text"), ("a.idempotency_key", "text"), sorted(wanted))
    return [row[0] for row in fetch(f"SELECT a.id FROM codes_attempt a WHERE {asked}", params)]  # noqa: S608


def lookups_by_version(forms: Iterable[tuple[int, str]]) -> dict[int, set[tuple[int, bytes]]]:
    """{key version: {(site ID, digest)}} for (site ID, canonical form)."""
    forms = list(forms)
    return {version: {(site, keys.lookup(site, form, version)) for site, form in forms} for version in keys.versions()}
