"""The hand-written SQL of the hot path, its locks and reads: a fixed number of statements however long the list.

The ORM costs 0.6 to 0.8 ms of Python a query, more than the whole redemption costs the database.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

import orjson

from accounts import budgets, clock, database, locking, prepared
from accounts.budgets import Budget
from accounts.rows import one_of, one_pair_of
from codes.redemption.case import CodeFacts, Redemption
from ledger import books
from ledger.books import Standing

CODE_FACTS = """
    SELECT c.id, c.site_id, c.batch_id, c.serial, c.lookup_odd, c.lookup_even, c.sealed, c.key_version, c.state,
           c.max_uses, c.uses, c.redemptions, c.valid_from, c.valid_until, c.owner_id,
           b.state, b.total_cap, b.uses_in_force, o.state,
           t.action, t.parameters, t.asset_id, s.code, s.kind, s.exponent, t.value,
           t.uses_per_claimant, t.cooldown_seconds, t.venues, a.id,
           c.held, c.value_expired_at IS NOT NULL, a.state
    FROM codes_code c
    JOIN codes_batch b ON b.id = c.batch_id
    JOIN codes_issueorder o ON o.id = c.order_id
    JOIN codes_terms t ON t.id = c.terms_id
    LEFT JOIN ledger_asset s ON s.id = t.asset_id
    LEFT JOIN ledger_ledgeraccount a ON a.batch_number = c.batch_id AND a.asset_id = t.asset_id
    WHERE {wanted}
"""


NO_CODES = "SELECT c.id FROM codes_code c WHERE FALSE"
NO_ACCOUNT = ", ".join(["NULL"] * len(books.COLUMNS.split(",")))


def fetch(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    with prepared.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def lock_codes_and_accounts(
    lookups: dict[int, set[tuple[int, bytes]]], claimants: Collection[tuple[int, str]], tokens: Collection[bytes] = ()
) -> tuple[list[int], list[Standing]]:
    """Lock the codes found under (site ID, digest) of each key version, then the reservations whose token has one of the digests
    ``tokens``, then the accounts of the claimants (site ID, claimant ID).

    Each in ID order. An attempt at nothing but unknown codes moves nothing: then nobody's account is locked, unless a token came.
    """
    if not any(lookups.values()) and not tokens:
        return [], []
    codes, params = _codes_to_lock(lookups) if any(lookups.values()) else (NO_CODES, [])
    if not claimants and not tokens:
        return [row[0] for row in locking.select_for_update(codes, params)], []
    # Counting the codes locks them all before the first of what follows is looked at; counting the reservations likewise.
    held, before = "", "(SELECT COUNT(*) FROM code) > 0"
    if tokens:
        of_token, digests = one_of("r.token_digest", "bytea", sorted(tokens))
        held = f""", reservation AS (
                SELECT r.id FROM ledger_reservation r WHERE (SELECT COUNT(*) FROM code) >= 0 AND {of_token}
                ORDER BY r.id {{lock r}}
            )"""  # noqa: S608
        params, before = [*params, *digests], "(SELECT COUNT(*) FROM reservation) >= 0"
    asked, names = "FALSE", list[Any]()
    if claimants:
        asked, names = one_pair_of(("u.site_id", "bigint"), ("u.claimant_id", "text"), sorted(claimants))
    found = locking.select_for_update(
        f"""WITH code AS ({codes}){held}, account AS (
                SELECT {books.COLUMNS} FROM ledger_ledgeraccount a
                WHERE {before} AND a.owner_id IN (SELECT u.id FROM accounts_user u WHERE {asked})
                ORDER BY a.id {{lock a}}
            )
            SELECT code.id, {NO_ACCOUNT} FROM code UNION ALL SELECT NULL, account.* FROM account""",  # noqa: S608
        [*params, *names],
    )
    return [row[0] for row in found if row[0]], [Standing(*row[1:]) for row in found if row[0] is None]


def _codes_to_lock(lookups: dict[int, set[tuple[int, bytes]]]) -> tuple[str, list[Any]]:
    arms, params = [], []
    for version, found in lookups.items():
        # A digest is bound to its site, so the site only helps the index.
        of_site, sites = one_of("c.site_id", "bigint", sorted({site for site, _ in found}))
        of_digest, digests = one_of(
            f"c.lookup_{'odd' if version % 2 else 'even'}", "bytea", sorted({digest for _, digest in found})
        )
        arms.append(f"{of_site} AND {of_digest}")
        params += [*sites, *digests]
    return f"SELECT c.id FROM codes_code c WHERE {' OR '.join(arms)} ORDER BY c.id {{lock c}}", params  # noqa: S608


def lock_batches(batch_ids: Iterable[int]) -> None:
    ids = sorted(set(batch_ids))
    if ids:
        wanted, params = one_of("b.id", "bigint", ids)
        sql = f"SELECT b.id FROM codes_batch b WHERE {wanted} ORDER BY b.id {{lock b}}"  # noqa: S608
        locking.select_for_update(sql, params)


def read_codes(ids: Sequence[int]) -> list[CodeFacts]:
    """The locked codes with their batch, order, terms and outstanding account, as they are now."""
    if not ids:
        return []
    wanted, params = one_of("c.id", "bigint", ids)
    return [_code_facts(row) for row in fetch(CODE_FACTS.format(wanted=wanted), params)]


def _code_facts(row: tuple[Any, ...]) -> CodeFacts:
    facts = CodeFacts(*row)
    if not database.is_postgresql():
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


CLAIMANT = "u.id, u.site_id, u.claimant_id, u.is_active, u.email"


def read_claimants(wanted: Collection[tuple[int, str]]) -> list[Sequence[Any]]:
    """(ID, site, claimant ID, active, e-mail) of each claimant (site ID, claimant ID)."""
    if not wanted:
        return []
    asked, params = one_pair_of(("u.site_id", "bigint"), ("u.claimant_id", "text"), sorted(wanted))
    return list(fetch(f"SELECT {CLAIMANT} FROM accounts_user u WHERE {asked}", params))  # noqa: S608


def count_accounts(user_ids: Collection[int]) -> int:
    """How many ledger accounts these users have now."""
    if not user_ids:
        return 0
    wanted, params = one_of("a.owner_id", "bigint", sorted(user_ids))
    return int(fetch(f"SELECT COUNT(*) FROM ledger_ledgeraccount a WHERE {wanted}", params)[0][0])  # noqa: S608


@dataclass(frozen=True, slots=True)
class Moment:
    """What is read once every lock is held, and when that was."""

    now: dt.datetime
    codes: list[CodeFacts]
    claimants: list[Sequence[Any]]  # As read_claimants() answers them.
    earlier: list[UUID]  # Attempts that have one of the list's keys.
    standing: dict[bytes, tuple[int, int]]  # Of the guess budgets.


# PostgreSQL answers all of it in one statement: the first row is of the moment, the others are the codes.
MOMENT = """
    SELECT (SELECT clock_timestamp()),
           ARRAY(SELECT a.id FROM codes_attempt a WHERE {earlier}),
           (SELECT jsonb_agg(jsonb_build_array(encode(g.scope, 'hex'), g.window_started_at, g.failures))
            FROM accounts_failurebudget g WHERE {guesses}),
           (SELECT jsonb_agg(jsonb_build_array({claimant})) FROM accounts_user u WHERE {claimants}),
           {no_code}
    UNION ALL
    SELECT NULL, NULL, NULL, NULL, facts.* FROM ({codes}) AS facts
"""
READ_APART = ("last_redemption", "batch", "browsers", "holds", "lapsed")
NO_CODE = ", ".join("NULL" for each in fields(CodeFacts) if each.name not in READ_APART)


def read_moment(
    code_ids: Sequence[int],
    claimants: Collection[tuple[int, str]],
    asked_keys: Collection[tuple[str, str]],
    counted: Collection[Budget],
) -> Moment:
    """The instant, the locked codes, the claimants (site ID, claimant ID), the attempts that have one of these (caller,
    idempotency key), the guess budgets."""
    if not database.is_postgresql():
        now = clock.read()
        standing = budgets.read(counted, now)
        return Moment(now, read_codes(code_ids), read_claimants(claimants), find_keys(asked_keys), standing)
    earlier, key_params = one_key_of(asked_keys)
    guesses, scopes = "FALSE", list[Any]()
    if counted:
        guesses, scopes = one_of("g.scope", "bytea", sorted({each.scope for each in counted}))
    people, names = "FALSE", list[Any]()
    if claimants:
        people, names = one_pair_of(("u.site_id", "bigint"), ("u.claimant_id", "text"), sorted(claimants))
    codes, ids = one_of("c.id", "bigint", code_ids) if code_ids else ("FALSE", [])
    sql = MOMENT.format(
        earlier=earlier, guesses=guesses, claimant=CLAIMANT, claimants=people, no_code=NO_CODE,
        codes=CODE_FACTS.format(wanted=codes),
    )  # fmt: skip
    found = fetch(sql, [*key_params, *scopes, *names, *ids])
    instant, attempts, windows, users = found[0][:4]
    now = clock.read(instant)
    standing = budgets.lasting(
        [
            (bytes.fromhex(scope), dt.datetime.fromisoformat(started), failures)
            for scope, started, failures in orjson.loads(windows or "[]")
        ],
        now,
    )
    facts = [_code_facts(row[4:]) for row in found[1:]]
    return Moment(now, facts, orjson.loads(users or "[]"), attempts, standing)


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


def read_held_by_browsers(wanted: Collection[tuple[int, int]], now: dt.datetime) -> dict[tuple[int, int], int]:
    """(code ID, browser ID) → the receipt number of the redemption whose licence the browser still holds."""
    if not wanted:
        return {}
    of_code, codes = one_of("a.code_id", "bigint", sorted({code for code, _ in wanted}))
    of_browser, browsers = one_of("l.browser_id", "bigint", sorted({browser for _, browser in wanted}))
    found = fetch(
        f"""SELECT a.code_id, l.browser_id, MAX(a.receipt_number)
            FROM accounts_licence l JOIN codes_attempt a ON a.id = l.given_by
            WHERE {of_browser} AND {of_code} AND l.ended_at IS NULL AND (l.ends_at IS NULL OR l.ends_at > %s)
            GROUP BY a.code_id, l.browser_id""",  # noqa: S608
        [*browsers, *codes, budgets.stored(now)],
    )
    return {(row[0], row[1]): row[2] for row in found}


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


def read_site_accounts(wanted: Collection[tuple[int, int]]) -> dict[tuple[int, int, str], Standing]:
    """(site ID, asset ID, purpose) → the site's system account; they have no balance to guard and are not locked."""
    if not wanted:
        return {}
    asked, params = one_pair_of(("a.site_id", "bigint"), ("a.asset_id", "bigint"), sorted(wanted))
    found = fetch(
        f"""SELECT a.purpose, {books.COLUMNS} FROM ledger_ledgeraccount a
            WHERE {asked} AND a.owner_id IS NULL AND a.batch_number IS NULL""",  # noqa: S608
        params,
    )
    return {(row[2], row[3], row[0]): Standing(*row[1:]) for row in found}


def one_key_of(wanted: Collection[tuple[str, str]]) -> tuple[str, list[Any]]:
    if not wanted:
        return "FALSE", []
    return one_pair_of(("a.caller", "text"), ("a.idempotency_key", "text"), sorted(wanted))


def find_keys(wanted: Collection[tuple[str, str]]) -> list[UUID]:
    """The IDs of the attempts that have these (caller, idempotency key)."""
    if not wanted:
        return []
    asked, params = one_key_of(wanted)
    return [row[0] for row in fetch(f"SELECT a.id FROM codes_attempt a WHERE {asked}", params)]  # noqa: S608
