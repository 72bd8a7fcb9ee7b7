"""Re-sealing: brings codes, attempts and imported files under the newest key version, so that an old key can be taken away."""

from django.db import transaction
from django.db.models import Q

from accounts import locking
from codes import keys, lookup
from codes.models import Attempt, Code, ImportPiece, ImportRow
from codes.refusals import CodeFormatInvalid

CHUNK = 500
PIECES = 10


def reseal(chunks: int | None = None) -> int:
    """Re-seal what is not under the newest version, in chunks of 500; answers how many rows. Safe twice and beside redemptions."""
    total = 0
    for reseal_chunk in (reseal_codes, reseal_attempts, reseal_import_rows, reseal_import_pieces):
        left = chunks
        while left is None or left > 0:
            count = reseal_chunk()
            total += count
            if not count:
                break
            left = None if left is None else left - 1
    return total


def is_stale() -> Q:
    """Codes sealed under another version, or that the newest version's digest does not find yet."""
    column = "lookup_odd" if keys.newest() % 2 else "lookup_even"
    return ~Q(key_version=keys.newest()) | Q(**{f"{column}__isnull": True})


def reseal_codes() -> int:
    with transaction.atomic(durable=True):
        ids = list(Code.objects.filter(is_stale()).order_by("pk").values_list("pk", flat=True)[:CHUNK])
        codes = locking.lock_rows(Code.objects.filter(is_stale(), pk__in=ids), skip_locked=True)
        for code in codes:
            text = lookup.shown(code)
            code.lookup_odd, code.lookup_even = keys.lookup_columns(code.site_id, lookup.canonical(text))
            code.key_version, code.sealed = keys.seal(code.site_id, text)
        Code.objects.bulk_update(codes, ["lookup_odd", "lookup_even", "sealed", "key_version"])
    return len(codes)


def reseal_attempts() -> int:
    """What was typed; nothing else of an attempt may change, and the database sees to it."""
    with transaction.atomic(durable=True):
        stale = ~Q(key_version=keys.newest())
        ids = list(Attempt.objects.filter(stale).order_by("pk").values_list("pk", flat=True)[:CHUNK])
        attempts = locking.lock_rows(Attempt.objects.filter(stale, pk__in=ids), skip_locked=True)
        for attempt in attempts:
            if attempt.typed is not None:
                typed = keys.unseal(attempt.site_id, attempt.key_version, attempt.typed)
                attempt.typed = keys.seal(attempt.site_id, typed)[1]
                attempt.lookup = digest_of(attempt.site_id, typed)
            attempt.key_version = keys.newest()
        Attempt.objects.bulk_update(attempts, ["lookup", "typed", "key_version"])
    return len(attempts)


def reseal_import_rows() -> int:
    """Good rows of files that wait for their confirmation."""
    with transaction.atomic(durable=True):
        stale = ImportRow.objects.filter(~Q(key_version=keys.newest()), problem="", digest__isnull=False)
        ids = list(stale.order_by("pk").values_list("pk", flat=True)[:CHUNK])
        rows = locking.lock_rows(stale.filter(pk__in=ids).select_related("source"), skip_locked=True)
        for row in rows:
            site_id, version, sealed = row.source.site_id, row.key_version or 0, row.sealed or b""
            text = keys.unseal(site_id, version, sealed)
            row.lookup_odd, row.lookup_even = keys.lookup_columns(site_id, lookup.canonical(text))
            row.key_version, row.sealed = keys.seal(site_id, text)
        ImportRow.objects.bulk_update(rows, ["lookup_odd", "lookup_even", "sealed", "key_version"])
    return len(rows)


def reseal_import_pieces() -> int:
    """Pieces of files that are not checked yet; few at a time, for each is large."""
    with transaction.atomic(durable=True):
        stale = ImportPiece.objects.filter(~Q(key_version=keys.newest()))
        ids = list(stale.order_by("pk").values_list("pk", flat=True)[:PIECES])
        pieces = locking.lock_rows(stale.filter(pk__in=ids).select_related("source"), skip_locked=True)
        for piece in pieces:
            data = keys.unseal_bytes(piece.source.site_id, piece.key_version, piece.sealed)
            piece.key_version, piece.sealed = keys.seal_bytes(piece.source.site_id, data)
            piece.save(update_fields=["key_version", "sealed"])
    return len(pieces)


def digest_of(site_id: int, typed: str) -> bytes | None:
    try:
        return keys.lookup(site_id, lookup.canonical(typed), keys.newest())
    except CodeFormatInvalid:
        return None
