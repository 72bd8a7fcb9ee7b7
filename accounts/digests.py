"""Keyed digests: what must be compared or counted, but never stored readable."""

import hashlib
import hmac

from django.conf import settings


def keyed(purpose: str, *parts: str | bytes, size: int = 16) -> bytes:
    """A digest of ``purpose`` and ``parts`` under the pepper; each stands behind its length and so apart."""
    # Not BLAKE2's own ``person``: it holds 16 bytes, and two purposes that begin alike would share their digests.
    told = b"".join(_behind_length(part) for part in (purpose, *parts))
    return hashlib.blake2b(told, key=settings.PEPPER[:64], digest_size=size).digest()


def _behind_length(part: str | bytes) -> bytes:
    data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
    return len(data).to_bytes(4, "big") + data


def equal(left: bytes, right: bytes) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(left, right)
