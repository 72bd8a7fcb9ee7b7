"""What is always true of stored rows, as questions to which every answer is a violation.

Each package lists its own in ``<package>/invariants.py``; ``manage.py check_invariants`` asks them all inside one snapshot.
The numbers are those of the reliability rules (I1, I2, …).
"""

import importlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db import connection

from accounts import auditing, content_rules, loyalty_rules, person_rules, triggers
from accounts.models import AuditRecord

Violation = dict[str, Any]


@dataclass(frozen=True)
class Invariant:
    """One thing that is always true. ``sql`` selects the rows that break it, on both databases; or ``find`` looks itself."""

    number: str
    name: str
    sql: str = ""
    find: Callable[[], Iterable[Violation]] | None = None

    def violations(self, most: int) -> list[Violation]:
        """The first ``most`` rows that break it, by column."""
        return list(islice(self.find() if self.find else select(self.sql, most), most))


def select(sql: str, most: int) -> list[Violation]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({sql}) violations LIMIT {most:d}")  # noqa: S608 (our own questions)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def listed() -> Iterator[Invariant]:
    """Every invariant of every package, the people's first."""
    for package in triggers.PACKAGES:
        yield from importlib.import_module(f"{package}.invariants").INVARIANTS


def find_missing_triggers() -> Iterator[Violation]:
    return ({"trigger": name} for name in triggers.missing_triggers())


def find_changed_audit_rows() -> Iterator[Violation]:
    """Recomputed in Python, for the pepper is not in the database; read in chunks, for the audit only grows."""
    for row in AuditRecord.objects.order_by("id").iterator(chunk_size=2_000):
        # Somebody with SQL alone can have written text there, on a database that takes it.
        if isinstance(row.mac, str) or auditing.mac(row) != bytes(row.mac):
            yield {"id": row.pk, "action": row.action, "object": f"{row.object_type} {row.object_id}"}


INVARIANTS = (
    Invariant("I3", "every trigger that keeps the books is there", find=find_missing_triggers),
    Invariant("I27", "every audit row is as it was written", find=find_changed_audit_rows),
    Invariant(
        "I25",
        "users wear only tags of their own site",
        """SELECT w.id, w.user_id, u.site_id AS user_site, t.site_id AS tag_site
           FROM accounts_usertag w JOIN accounts_user u ON u.id = w.user_id JOIN accounts_tag t ON t.id = w.tag_id
           WHERE u.site_id IS NULL OR u.site_id <> t.site_id""",
    ),
    Invariant(
        "I25",
        "API clients act for claimants of their own site only, and for some if they are limited",
        """SELECT c.id, c.prefix, c.limited, x.user_id
           FROM accounts_client c
           LEFT JOIN accounts_client_acts_as x ON x.client_id = c.id
           LEFT JOIN accounts_user u ON u.id = x.user_id
           WHERE (x.user_id IS NOT NULL AND (u.site_id IS NULL OR u.site_id <> c.site_id OR NOT c.limited))""",
    ),
    Invariant(
        "I28",
        "of an API key only a digest of 32 bytes rests",
        "SELECT id, prefix FROM accounts_client WHERE length(secret_hash) <> 32",
    ),
    Invariant(
        "I25",
        "a visitor is one person at a time, and was another before it",
        """SELECT a.id, a.visitor_id, b.id AS other FROM accounts_visitorperson a
           JOIN accounts_visitorperson b ON b.visitor_id = a.visitor_id AND b.id > a.id
           WHERE a.until IS NULL OR a.until > b.since""",
    ),
    Invariant(
        "I28",
        "of a person's secret only a salted hash rests",
        """SELECT x.id, x.person_id FROM accounts_personproperty x
           WHERE x.secret_hash <> '' AND x.secret_hash NOT LIKE '%$%$%'""",
    ),
    Invariant(
        "I28",
        "of an access token only a digest of 32 bytes rests",
        "SELECT id, client_id FROM accounts_accesstoken WHERE length(digest) <> 32",
    ),
    Invariant(
        "I13",
        "a loyalty member is in a household exactly while they have a role in it, and is not once they are closed",
        """SELECT id, account_id, household_id, role, status FROM accounts_member
           WHERE (household_id IS NULL) <> (role = '') OR (status = 'closed' AND household_id IS NOT NULL)""",
    ),
    *(
        Invariant("I25", rule.name, rule.violations(rule.table))
        for rule in (*content_rules.RULES, *person_rules.RULES, *loyalty_rules.RULES)
    ),
)
