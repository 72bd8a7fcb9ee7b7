"""Re-sealing files that wait for their confirmation: few rows, and gone within days, so they are looked through whole."""

import logging
from collections.abc import Iterator
from typing import Any, TypeVar

from cryptography.exceptions import InvalidTag
from django.db import transaction
from django.db.models import Model, Q, QuerySet

from accounts import locking
from codes import keys, lookup
from codes.models import ImportPiece, ImportRow

log = logging.getLogger(__name__)

ROWS = 500
PIECES = 10  # Each of them is large.
M = TypeVar("M", bound=Model)


def reseal_imports() -> int:
    """Re-seal what is not under the newest key version; answers how many rows and pieces. What no key opens is passed over."""
    stale = ~Q(key_version=keys.newest())
    good = ImportRow.objects.filter(stale, problem="", digest__isnull=False).select_related("source")
    pieces = ImportPiece.objects.filter(stale).select_related("source")
    return sum(seal_rows(chunk) for chunk in chunks(good, ROWS)) + sum(
        seal_pieces(chunk) for chunk in chunks(pieces, PIECES)
    )


def chunks(stale: "QuerySet[M]", size: int) -> Iterator[list[M]]:
    """The rows under their locks, so many in a transaction, each row once."""
    last = 0
    while True:
        with transaction.atomic(durable=True):
            ids = list(stale.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:size])
            if not ids:
                return
            last = ids[-1]
            yield locking.lock_rows(stale.filter(pk__in=ids), skip_locked=True)


def opened(row: Any, text: Any) -> Any:
    """What ``text`` unseals; None where no live key does."""
    try:
        return text(row.source.site_id, row.key_version or 0, row.sealed or b"")
    except (InvalidTag, KeyError):
        log.exception("not re-sealed", extra={"row": str(row)})
        return None


def seal_rows(found: list[ImportRow]) -> int:
    anew = []
    for row in found:
        text = opened(row, keys.unseal)
        if text is not None:
            site_id = row.source.site_id
            row.lookup_odd, row.lookup_even = keys.lookup_columns(site_id, lookup.canonical(text))
            row.key_version, row.sealed = keys.seal(site_id, text)
            anew.append(row)
    ImportRow.objects.bulk_update(anew, ["lookup_odd", "lookup_even", "sealed", "key_version"])
    return len(anew)


def seal_pieces(found: list[ImportPiece]) -> int:
    anew = 0
    for piece in found:
        data = opened(piece, keys.unseal_bytes)
        if data is not None:
            piece.key_version, piece.sealed = keys.seal_bytes(piece.source.site_id, data)
            piece.save(update_fields=["key_version", "sealed"])
            anew += 1
    return anew
