"""The keys that find and show codes: a keyed digest to look one up, an authenticated cipher to show it.

Both are versioned. While two versions are live, look-ups try both and new codes carry both digests, so that a key can be changed
under traffic; a task seals old rows anew under the newest version.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.conf import settings


def versions() -> list[int]:
    """The live key versions, newest first."""
    return sorted(settings.CODE_KEYS, reverse=True)


def newest() -> int:
    return max(settings.CODE_KEYS)


def lookup(site_id: int, canonical: str, version: int) -> bytes:
    """The digest under which the site's code is found: keyed BLAKE2b-128 of tenant and canonical form."""
    return hashlib.blake2b(
        f"{site_id}\0{canonical}".encode(), key=_subkeys(version, settings.CODE_KEYS[version])[0], digest_size=16
    ).digest()


def lookups(site_id: int, canonical: str) -> dict[int, bytes]:
    """The digest under each live key version, newest first."""
    return {version: lookup(site_id, canonical, version) for version in versions()}


def lookup_columns(site_id: int, canonical: str) -> tuple[bytes | None, bytes | None]:
    """The digests for the columns ``lookup_odd`` and ``lookup_even`` of a code written now."""
    odd = even = None
    for version in settings.CODE_KEYS:
        if version % 2:
            odd = lookup(site_id, canonical, version)
        else:
            even = lookup(site_id, canonical, version)
    return odd, even


def lookup_all(site_id: int, canonicals: Sequence[str]) -> tuple[list[bytes | None], list[bytes | None]]:
    """The two columns of many codes, which costs half as much for each."""
    none: list[bytes | None] = [None] * len(canonicals)
    columns = {0: none, 1: none}
    for version, master in settings.CODE_KEYS.items():
        begun = hashlib.blake2b(f"{site_id}\0".encode(), key=_subkeys(version, master)[0], digest_size=16)
        columns[version % 2] = [_ended(begun.copy(), form.encode()) for form in canonicals]
    return columns[1], columns[0]


def _ended(begun: Any, rest: bytes) -> bytes:
    begun.update(rest)
    return begun.digest()


def seal(site_id: int, text: str, version: int | None = None) -> tuple[int, bytes]:
    """The text sealed by AES-SIV (RFC 5297) and bound to its site, and the key version used (the newest)."""
    # What was typed may hold half a surrogate pair, which no alphabet can spell.
    return seal_bytes(site_id, text.encode("utf-8", "surrogatepass"), version)


def seal_bytes(site_id: int, data: bytes, version: int | None = None) -> tuple[int, bytes]:
    """Bytes sealed in the same way, and the key version used (the newest)."""
    version = version or newest()
    return version, _cipher(version, settings.CODE_KEYS[version]).encrypt(data, [str(site_id).encode()])


def seal_all(site_id: int, texts: Sequence[str]) -> tuple[int, list[bytes]]:
    """Many texts sealed, and the key version used (the newest)."""
    version = newest()
    encrypt, bound = _cipher(version, settings.CODE_KEYS[version]).encrypt, [str(site_id).encode()]
    return version, [encrypt(text.encode("utf-8", "surrogatepass"), bound) for text in texts]


def unseal(site_id: int, version: int, sealed: bytes | memoryview) -> str:
    """The text again. Raises InvalidTag if it was changed or belongs to another site, KeyError if the key is gone."""
    return unseal_bytes(site_id, version, sealed).decode("utf-8", "surrogatepass")


def unseal_bytes(site_id: int, version: int, sealed: bytes | memoryview) -> bytes:
    """The bytes again. Raises as ``unseal``."""
    return _cipher(version, settings.CODE_KEYS[version]).decrypt(bytes(sealed), [str(site_id).encode()])


@cache
def _subkeys(version: int, master: bytes) -> tuple[bytes, bytes]:
    """One master key a version gives the two working keys, so that neither tells anything about the other."""
    return (
        hashlib.blake2b(b"lookup", key=master, digest_size=32).digest(),
        hashlib.blake2b(b"seal", key=master, digest_size=64).digest(),
    )


@cache
def _cipher(version: int, master: bytes) -> AESSIV:
    return AESSIV(_subkeys(version, master)[1])
