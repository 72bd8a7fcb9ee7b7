"""Drawing codes: from chance to what is stored of them. Touches no database, so it can go on beside one that stores."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

from codes import keys, lookup
from codes.formats import FORMATS
from codes.models import Terms
from codes.storing import Unnumbered


@dataclass(frozen=True)
class Sealed:
    """Codes without numbers, and the key version that they are sealed under."""

    key_version: int
    codes: Sequence[Unnumbered]


def draw(site_id: int, terms: Terms, count: int) -> Sealed:
    """Codes of the format of the terms, in the order of their digests.

    Whoever numbers them in this order has every index written from left to right, which costs least. It tells nobody
    anything, the digests being keyed.
    """
    texts = FORMATS[terms.format].draw(count, terms.pattern)
    sealed = seal(site_id, texts, lookup.canonical_all(texts))
    return Sealed(sealed.key_version, sorted(sealed.codes))


class Ahead:
    """Codes that a thread draws while this one waits for the database."""

    def __init__(self, site_id: int, terms: Terms, count: int) -> None:
        self.count = count
        self.drawn: Future[Sealed] = thread().submit(draw, site_id, terms, count)

    def take(self) -> Sealed:
        return self.drawn.result()


def seal(site_id: int, texts: Sequence[str], forms: Sequence[str]) -> Sealed:
    """Codes that read like this, in their order; ``forms`` are their canonical forms."""
    version, sealed = keys.seal_all(site_id, texts)
    return Sealed(version, list(zip(*keys.lookup_all(site_id, forms), sealed, strict=True)))


@cache
def thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="drawing")
