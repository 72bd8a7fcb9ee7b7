"""What tills sign their requests with: adding and removing it, and finding the client behind a header.

The forms are the tills' and not ours. Source: redemption advice, section 3.
"""

import base64
import binascii
import re
import uuid
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import auditing, client_keys, clock, digests
from accounts.models import Client, TillKey
from accounts.refusals import Unauthenticated
from accounts.wording import CONTROL, is_text

LONGEST_HEADER = 1_700  # The longest name and secret, of four bytes a character, in Base64.
LONGEST_NAME = 100
LONGEST_SECRET = 200
BARE_KEY = re.compile(r"[!-~]{16,200}", re.ASCII)  # Printable and without spaces: what a header can carry unchanged.
BASE64 = re.compile(r"([A-Za-z0-9+/]+)(={0,2})", re.ASCII)
OUR_PREFIX = re.compile(r"rk[0-9a-f]{12}", re.ASCII)


@dataclass(frozen=True)
class NewBareKey:
    till_key: TillKey
    key: str  # To be shown once and never stored.


def hash_secret(secret: str) -> bytes:
    return digests.keyed("till secret", secret, size=32)


def digest_key(key: str) -> bytes:
    return digests.keyed("till key", key, size=32)


def add_pair(client: Client, name: str, secret: str, actor_id: str) -> TillKey:
    """Let whoever sends ``name`` and ``secret``, which may be empty, act as ``client``.

    Raises ValidationError by field: a name that is empty, over 100 characters, taken by any site's till, reads as a key of ours or
    has a colon; a secret of over 200 characters; control characters.
    """
    problems = {}
    if not name or len(name) > LONGEST_NAME or not is_text(name):
        problems["name"] = f"A name has 1 to {LONGEST_NAME} characters, and no control characters."
    elif ":" in name:
        problems["name"] = "A name has no colon: what follows one is the secret."
    elif OUR_PREFIX.fullmatch(name):
        problems["name"] = "This is what an API key of the platform begins with."
    if len(secret) > LONGEST_SECRET or not is_text(secret):
        problems["secret"] = f"A secret has at most {LONGEST_SECRET} characters, and no control characters."
    if problems:
        raise ValidationError(problems)
    row = TillKey(client=client, name=name, secret_hash=hash_secret(secret))
    return insert(row, actor_id, ValidationError({"name": "A till has this name already."}))


def add_bare_key(client: Client, key: str | None, actor_id: str) -> NewBareKey:
    """Let whoever sends ``key`` act as ``client``; None has a fresh one made, of 122 random bits.

    Raises ValidationError by field: a key that is not 16 to 200 printable ASCII characters without spaces, that could be read as a
    key of ours or as a pair, which it would take the place of, or that is taken.
    """
    key = str(uuid.uuid4()) if key is None else key
    if not BARE_KEY.fullmatch(key):
        raise ValidationError({"key": "A bare key is 16 to 200 letters, digits and signs, without spaces."})
    if client_keys.FORM.fullmatch(key) or read_pair(key):
        raise ValidationError({"key": "This reads as a name with a secret, or as an API key of the platform."})
    row = TillKey(client=client, key_digest=digest_key(key))
    return NewBareKey(insert(row, actor_id, ValidationError({"key": "A till has this key already."})), key)


def insert(row: TillKey, actor_id: str, taken: ValidationError) -> TillKey:
    with transaction.atomic():
        row.created_at = clock.read()
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as error:
            raise taken from error
        note("till_key.add", row, row.pk, actor_id)
    return row


def remove(till_key: TillKey, actor_id: str) -> bool:
    """End it for good; False if it had ended before. Dead everywhere within the 5 s that the edge remembers it."""
    number = till_key.pk
    with transaction.atomic():
        ended, _ = TillKey.objects.filter(pk=number).delete()
        if ended:
            note("till_key.remove", till_key, number, actor_id)
    return bool(ended)


def note(action: str, row: TillKey, number: int, actor_id: str) -> None:
    auditing.record(
        action,
        site=row.client.site_id,
        actor_id=actor_id,
        object_type="till_key",
        object_id=number,
        detail={"client": row.client.prefix, "form": "pair" if row.name else "bare key", "name": row.name or ""},
    )


def find_client(header: str) -> Client:
    """The client behind the header's value: a bare key, or else Base64 of a name and a secret.

    Raises Unauthenticated, also where the client has ended or may not advise. Unknown names cost the same work as wrong secrets.
    """
    if not header or len(header) > LONGEST_HEADER:
        raise Unauthenticated
    client = of_bare_key(header) or of_pair(header)
    if client is None or Client.Scope.ADVISE not in client.scopes:
        raise Unauthenticated
    return client


def of_bare_key(key: str) -> Client | None:
    """Raises Unauthenticated where the key is one, but its client has ended."""
    if client_keys.FORM.fullmatch(key):
        return client_keys.verify(key)[0]
    if not BARE_KEY.fullmatch(key):
        return None
    # Found by its digest, which nobody without the pepper can come near to step by step.
    row = TillKey.objects.select_related("client").filter(key_digest=digest_key(key)).first()
    if row is None:
        return None
    client_keys.admit(row.client)
    return row.client


def of_pair(header: str) -> Client | None:
    """None where the header is no pair, or the pair nobody's. Raises Unauthenticated where its client has ended."""
    pair = read_pair(header)
    if pair is None:
        return None
    name, secret = pair
    if OUR_PREFIX.fullmatch(name):
        return client_keys.verify(f"{name}.{secret}")[0]
    row = TillKey.objects.select_related("client").filter(name=name).first()
    given, nobodys = hash_secret(secret), hash_secret("nobody")
    matches = digests.equal(given, bytes(row.secret_hash) if row and row.secret_hash else nobodys)
    if row is None or not matches:
        return None
    client_keys.admit(row.client)
    return row.client


def read_pair(header: str) -> tuple[str, str] | None:
    """Name and secret out of Base64, padded or not; None on anything else."""
    form = BASE64.fullmatch(header)
    if form is None or (form[2] and len(header) % 4):
        return None
    try:
        text = base64.b64decode(form[1] + "=" * (-len(form[1]) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    name, colon, secret = text.partition(":")
    return (name, secret) if colon and name and not CONTROL.search(text) else None
