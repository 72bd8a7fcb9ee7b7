"""Re-sealing: brings codes, attempts, advices and files of codes under the newest key, so that an old one can be taken away.

Each table is gone through in the order of its keys, from where the last chunk ended, which a row keeps. While more than one key is
live what is written meanwhile is looked at too, and an hour after the first pass there is a second one: for rows that a
process with the old keys had drawn a key for and wrote late. With one live key there is nothing that could be re-sealed, and
nothing is asked.
"""

import datetime as dt
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from django.db import transaction
from django.db.models import Q

from accounts import clock, locking, rows
from codes import import_resealing, keys, lookup
from codes.models import Advice, Attempt, Code, Resealing
from codes.refusals import CodeFormatInvalid

log = logging.getLogger(__name__)

CHUNK = 2_000
SWEEP = "codes.reseal"
PASSES = 2
BETWEEN_PASSES = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Subject:
    """One table: how its stale rows are read, sealed anew and written."""

    name: str
    model: type[Code] | type[Attempt] | type[Advice]
    kind: str  # Of its primary key, on PostgreSQL.
    columns: tuple[tuple[str, str], ...]
    is_stale: Callable[[], Q]
    read: tuple[str, ...]
    seal: Callable[..., tuple[Any, ...]]
    from_text: Callable[[str], Any]
    share: int = 1  # Of a chunk: rows that are large come by fewer.
    # (table, column that names the row): whoever writes the row holds these.
    locked_first: tuple[tuple[str, str], ...] = ()


def reseal(chunks: int | None = None, *, seconds: float | None = None) -> int:
    """Re-seal what is not under the newest version, in chunks of 2,000 that had something to be done, for at most ``seconds``.

    Answers how many rows. Safe twice and beside redemptions; rows that no live key opens are passed over, logged and counted.
    """
    if len(keys.versions()) == 1:
        return 0
    started, total = time.monotonic(), import_resealing.reseal_imports()
    for subject in SUBJECTS:
        left = chunks
        while (left is None or left > 0) and (seconds is None or time.monotonic() - started < seconds):
            count = reseal_chunk(subject)
            if count is None:
                break
            total += count
            left = None if left is None or not count else left - 1
    return total


def reseal_chunk(subject: Subject) -> int | None:
    """The next rows of one table; answers how many were re-sealed, None where there is nothing further just now.

    The sealing is done before the rows are locked: no redemption waits for more than the write.
    """
    with transaction.atomic(durable=True):
        if not locking.is_alone(f"{SWEEP} {subject.name}"):
            return None
        standing = standing_of(subject)
        if standing is None:
            return None
        last = end_of_chunk(subject, standing.position)
        if last is None:
            ended = end_pass(standing, clock.read())
            standing.save()
            return None if ended else 0
        found = stale_rows(subject, standing.position, last)
        sealed = [each for each in (seal_again(subject, row, standing) for row in found) if each is not None]
        written = write(subject, sealed)
        standing.position = str(last)
        standing.resealed += written
        standing.save()
    return written


def standing_of(subject: Subject) -> Resealing | None:
    """How far it has come under the newest version; None in a process that does not know the newest key yet."""
    version = keys.newest()
    standing, _ = Resealing.objects.get_or_create(subject=subject.name, defaults={"version": version})
    if standing.version > version:
        return None
    if standing.version < version:
        standing.version, standing.position, standing.passes = version, "", 0
        standing.passed_at, standing.resealed, standing.unreadable = None, 0, 0
    return standing


def end_of_chunk(subject: Subject, position: str) -> Any:
    """The last key of the next rows, stale or not; None behind the last row."""
    following = subject.model._default_manager.order_by("pk")
    if position:
        following = following.filter(pk__gt=subject.from_text(position))
    return max(following.values_list("pk", flat=True)[: max(1, CHUNK // subject.share)], default=None)


def end_pass(standing: Resealing, now: dt.datetime) -> bool:
    """Behind the last row: whether the next pass is not due yet. What is written from now on comes after the position."""
    if standing.passed_at is None:
        standing.passes, standing.passed_at = standing.passes + 1, now
        log.info(
            "re-sealed",
            extra={
                "table": standing.subject, "version": standing.version, "passes": standing.passes,
                "rows": standing.resealed, "unreadable": standing.unreadable,
            },
        )  # fmt: skip
    if standing.passes >= PASSES or now - standing.passed_at < BETWEEN_PASSES:
        return True
    standing.position, standing.passed_at, standing.unreadable = "", None, 0
    return False


def stale_rows(subject: Subject, position: str, last: Any) -> list[dict[str, Any]]:
    found = subject.model._default_manager.filter(subject.is_stale(), pk__lte=last).order_by("pk")
    if position:
        found = found.filter(pk__gt=subject.from_text(position))
    return list(found.values(*subject.read))


def seal_again(subject: Subject, row: dict[str, Any], standing: Resealing) -> tuple[Any, ...] | None:
    """The row's key and its new columns; None if no live key opens it."""
    try:
        return subject.seal(**row)
    except (InvalidTag, KeyError, UnicodeDecodeError, CodeFormatInvalid) as error:
        standing.unreadable += 1
        log.error(
            "cannot be re-sealed",
            extra={
                "table": subject.name,
                "row": str(row["id"]),
                "version": row["key_version"],
                "error": type(error).__name__,
            },
        )
        return None


def write(subject: Subject, sealed: Sequence[tuple[Any, ...]]) -> int:
    """One UPDATE of rows locked in the order of their keys, as redemptions lock them; of what is stale still."""
    if not sealed:
        return 0
    table = subject.model._meta.db_table
    ids = [rows.stored(row[0]) for row in sealed]
    for name, column in (*subject.locked_first, (table, "id")):
        key = f"r.{column}"
        wanted, params = rows.one_of(key, subject.kind, ids)
        locking.select_for_update(f"SELECT {key} FROM {name} r WHERE {wanted} ORDER BY {key} {{lock r}}", params)  # noqa: S608
    source, params = rows.as_table((("id", subject.kind), *subject.columns, ("was", "smallint")), sealed)
    assigned = ", ".join(f"{name} = v.{name}" for name, _ in subject.columns)
    touched = rows.write(
        f"UPDATE {table} SET {assigned} FROM {source} WHERE {table}.id = v.id AND {table}.key_version = v.was",  # noqa: S608
        params,
    )
    return touched.count


def stale_codes() -> Q:
    """Codes sealed under another version, or that the newest version's digest does not find yet."""
    column = "lookup_odd" if keys.newest() % 2 else "lookup_even"
    return ~Q(key_version=keys.newest()) | Q(**{f"{column}__isnull": True})


def seal_code(id: int, site_id: int, key_version: int, sealed: bytes) -> tuple[Any, ...]:
    text = keys.unseal(site_id, key_version, sealed)
    odd, even = keys.lookup_columns(site_id, lookup.canonical(text))
    version, anew = keys.seal(site_id, text)
    return id, odd, even, anew, version, key_version


def not_newest() -> Q:
    return ~Q(key_version=keys.newest())


def seal_attempt(
    id: UUID, site_id: int, key_version: int, typed: bytes | None, lookup: bytes | None
) -> tuple[Any, ...]:
    """What was typed; nothing else of an attempt may change, and the database sees to it."""
    if typed is None:
        return id, lookup and bytes(lookup), None, keys.newest(), key_version
    text = keys.unseal(site_id, key_version, typed)
    version, anew = keys.seal(site_id, text)
    return id, digest_of(site_id, text), anew, version, key_version


def digest_of(site_id: int, typed: str) -> bytes | None:
    try:
        return keys.lookup(site_id, lookup.canonical(typed), keys.newest())
    except CodeFormatInvalid:
        return None


def seal_advice(id: UUID, site_id: int, key_version: int, raw: bytes, text: bytes | None) -> tuple[Any, ...]:
    """The body as sent and the redemption text, both under one version."""
    version, body = keys.seal_bytes(site_id, keys.unseal_bytes(site_id, key_version, raw))
    anew = None if text is None else keys.seal(site_id, keys.unseal(site_id, key_version, text), version)[1]
    return id, body, anew, version, key_version


SUBJECTS = (
    Subject(
        name="code",
        model=Code,
        kind="bigint",
        columns=(("lookup_odd", "bytea"), ("lookup_even", "bytea"), ("sealed", "bytea"), ("key_version", "smallint")),
        is_stale=stale_codes,
        read=("id", "site_id", "key_version", "sealed"),
        seal=seal_code,
        from_text=int,
    ),
    Subject(
        name="attempt",
        model=Attempt,
        kind="uuid",
        columns=(("lookup", "bytea"), ("typed", "bytea"), ("key_version", "smallint")),
        is_stale=not_newest,
        read=("id", "site_id", "key_version", "typed", "lookup"),
        seal=seal_attempt,
        from_text=UUID,
    ),
    Subject(
        name="advice",
        model=Advice,
        kind="uuid",
        columns=(("raw", "bytea"), ("text", "bytea"), ("key_version", "smallint")),
        is_stale=not_newest,
        read=("id", "site_id", "key_version", "raw", "text"),
        seal=seal_advice,
        from_text=UUID,
        share=10,  # A body has up to 64 KiB.
        # Whoever judges a list holds its work before they write the advices, in no order of their own.
        locked_first=(("codes_pendingadvice", "advice_id"),),
    ),
)
