"""How PostgreSQL would carry out the statements that a page made: whether it would read a big table from end to end."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

BIG = (
    "codes_code",
    "codes_attempt",
    "ledger_transfer",
    "ledger_ledgertransaction",
    "codes_receiptmail",
    "codes_advice",
    "codes_pendingadvice",
    "codes_advicetally",
    "accounts_auditrecord",
    "accounts_item",
    "accounts_itemproperty",
    "accounts_itemvisibility",
    "accounts_collectionmember",
    "accounts_licence",
    "accounts_usertag",
    "accounts_person",
    "accounts_personproperty",
    "accounts_visitor",
    "accounts_visitorperson",
    "accounts_storedidentification",
    "accounts_member",
    "accounts_memberidentifier",
    "accounts_household",
    "accounts_loyaltysession",
    "accounts_accesstoken",
    "codes_shoporder",
    "codes_shoporderitem",
    "ledger_ledgeraccount",
    "ledger_suspendedbooking",
    "ledger_reservation",
    "ledger_accounthold",
    "ledger_spending",
    "accounts_member",
)


@contextmanager
def whole_tables_disliked() -> Iterator[None]:
    """With so few rows as tests have, reading a table whole is cheapest: only where no index helps is it done all the same."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = on")


def read_whole(ask: Callable[[], Any]) -> list[str]:
    """The big tables that the statements of ``ask`` would read whole; none on SQLite, which has no such plans."""
    with CaptureQueriesContext(connection) as made:
        ask()
    if connection.vendor != "postgresql":
        return []
    found = []
    with whole_tables_disliked(), connection.cursor() as cursor:
        for statement in (each["sql"] for each in made if each["sql"].startswith(("SELECT", "WITH"))):
            cursor.execute(f"EXPLAIN {statement}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
            found += [f"{table}: {statement[:300]}" for table in re.findall(r"Seq Scan on (\w+)", plan) if table in BIG]
    return found
