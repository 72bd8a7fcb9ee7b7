"""What tills sign with: pairs with and without a secret, bare keys, and our own API keys, each as one client."""

import base64
import datetime as dt
from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import client_keys, clock, till_keys
from accounts.models import AuditRecord, Client, TillKey
from accounts.refusals import Unauthenticated
from tests.factories import make_client, make_site, make_user

pytestmark = pytest.mark.django_db
GUID = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"


def encoded(pair: str | bytes) -> str:
    return base64.b64encode(pair if isinstance(pair, bytes) else pair.encode()).decode()


@pytest.fixture
def client() -> Client:
    return make_client(make_site(), ["advise"]).client


def nobody(header: str) -> bool:
    try:
        till_keys.find_client(header)
    except Unauthenticated:
        return True
    return False


def test_a_pair_with_an_empty_secret_is_found_with_an_empty_one_only(client: Client):
    till_keys.add_pair(client, "vmob.windows.1", "", "staff")

    assert till_keys.find_client("dm1vYi53aW5kb3dzLjE6") == client
    assert nobody(encoded("vmob.windows.1:x"))
    assert nobody(encoded("vmob.windows.1"))


def test_a_pair_with_a_secret(client: Client):
    till_keys.add_pair(client, "pos.client.7", "s3cret", "staff")

    assert till_keys.find_client("cG9zLmNsaWVudC43OnMzY3JldA==") == client
    for wrong in ("pos.client.7:wrong", "pos.client.7:", "pos.client.7:S3CRET", "POS.CLIENT.7:s3cret", "nobody:s3cret"):
        assert nobody(encoded(wrong))


def test_padding_is_optional_but_not_wrong(client: Client):
    till_keys.add_pair(client, "pos.client.7", "s3cret", "staff")

    assert till_keys.find_client("cG9zLmNsaWVudC43OnMzY3JldA") == client
    for wrong in ("cG9zLmNsaWVudC43OnMzY3JldA=", "cG9zLmNsaWVudC43OnMzY3JldA===", "=cG9zLmNsaWVudC43OnMzY3JldA"):
        assert nobody(wrong)


def test_the_name_ends_at_the_first_colon_and_both_are_utf_8(client: Client):
    till_keys.add_pair(client, "Käse-Theke", "a:b:ü", "staff")

    assert till_keys.find_client(encoded("Käse-Theke:a:b:ü")) == client
    assert nobody(encoded("Käse-Theke:a:b:ü".encode("latin-1")))


def test_the_longest_pair_is_found(client: Client):
    till_keys.add_pair(client, "😀" * 100, "😀" * 200, "staff")

    assert till_keys.find_client(encoded("😀" * 100 + ":" + "😀" * 200)) == client


def test_a_bare_key_given_and_one_made(client: Client):
    given = till_keys.add_bare_key(client, GUID, "staff")
    made = till_keys.add_bare_key(client, None, "staff")

    assert given.key == GUID
    assert till_keys.find_client(GUID) == till_keys.find_client(made.key) == client
    assert nobody(GUID.upper())
    assert len({made.key, till_keys.add_bare_key(client, None, "staff").key}) == 2


def test_an_api_key_of_ours_bare_or_as_a_pair():
    new = make_client(make_site(), ["advise"])
    prefix, secret = new.key.split(".")

    assert till_keys.find_client(new.key) == new.client
    assert till_keys.find_client(encoded(f"{prefix}:{secret}")) == new.client
    assert nobody(encoded(f"{prefix}:{secret[:-1]}"))
    assert nobody(f"Bearer {new.key}")


@pytest.mark.parametrize(
    "header",
    [
        *("", " ", "!!!", ":", "a", "====", "A" * 5_000, "Basic dm1vYi53aW5kb3dzLjE6", "dm1vYi53aW5kb3dzLjE6, x"),
        *("dm1vYi53aW5kb3dzLjE6\x00", "\udcff", "ключ" * 9, encoded("nobody:"), encoded(":"), encoded(":secret")),
        *(encoded(b"\xff\xfe:x"), encoded("a\x00b:x"), encoded("vmob.windows.1\n:"), encoded("rk000000000000:x")),
        encoded("vmob.windows.1:").replace("Y", "-"),
    ],
)
def test_anything_else_is_nobody(client: Client, header: str):
    till_keys.add_pair(client, "vmob.windows.1", "", "staff")

    assert nobody(header)


@pytest.mark.parametrize("ending", ["revoked", "expired", "scopeless", "limited to nobody", "removed"])
def test_a_client_that_has_ended_or_may_not_advise_is_refused_whatever_it_signs_with(ending: str):
    site = make_site()
    user = make_user(site)
    limit = {"acts_as": [user]} if ending == "limited to nobody" else {}
    new = make_client(site, ["redeem"] if ending == "scopeless" else ["advise"], **limit)
    rows = [
        till_keys.add_pair(new.client, "till", "", "staff"),
        till_keys.add_bare_key(new.client, GUID, "staff").till_key,
    ]
    headers = [encoded("till:"), GUID] + ([] if ending == "removed" else [new.key])
    assert ending == "scopeless" or not any(map(nobody, headers))

    if ending == "revoked":
        client_keys.revoke(new.client, actor_id="staff")
    elif ending == "expired":
        Client.objects.filter(pk=new.client.pk).update(expires_at=clock.read() - dt.timedelta(seconds=1))
    elif ending == "removed":
        assert all(till_keys.remove(row, "staff") for row in rows)
    elif ending == "limited to nobody":
        new.client.acts_as.clear()

    assert all(map(nobody, headers))


def test_an_unknown_name_costs_what_a_wrong_secret_costs(client: Client, monkeypatch: pytest.MonkeyPatch):
    till_keys.add_pair(client, "till", "secret", "staff")
    work: list[list[int]] = []
    for pair in ("till:wrong", "nobody:wrong"):
        hashed = []
        hash_secret = till_keys.hash_secret
        with monkeypatch.context() as counting, CaptureQueriesContext(connection) as made:
            counting.setattr(till_keys, "hash_secret", lambda text, h=hash_secret, n=hashed: (n.append(1), h(text))[1])
            assert nobody(encoded(pair))
        work.append([len(made), len(hashed)])

    assert work[0] == work[1] == [2, 2]


def test_secrets_and_keys_are_stored_as_keyed_digests(client: Client):
    till_keys.add_pair(client, "till", "s3cret-s3cret", "staff")
    till_keys.add_bare_key(client, GUID, "staff")

    for row in TillKey.objects.values():
        assert not any(b"s3cret" in bytes(value) for value in row.values() if isinstance(value, bytes | memoryview))
        assert "s3cret" not in repr(row)
        assert GUID not in repr(row)
    for record in AuditRecord.objects.values():
        assert "s3cret" not in repr(record)
        assert GUID not in repr(record)


def test_every_deed_is_audited(client: Client):
    pair = till_keys.add_pair(client, "till", "secret", "anna")
    bare = till_keys.add_bare_key(client, None, "anna").till_key
    assert till_keys.remove(pair, "otto")
    assert not till_keys.remove(TillKey(pk=pair.pk or 10**9, client=client), "otto")

    records = AuditRecord.objects.filter(object_type="till_key").order_by("id")
    assert [(each.action, each.actor_id, each.site_id, each.detail["form"]) for each in records] == [
        ("till_key.add", "anna", client.site_id, "pair"),
        ("till_key.add", "anna", client.site_id, "bare key"),
        ("till_key.remove", "otto", client.site_id, "pair"),
    ]
    assert [each.detail["name"] for each in records] == ["till", "", "till"]
    assert records[1].object_id == str(bare.pk)


@pytest.mark.parametrize(
    ("name", "secret", "field"),
    [
        *(("", "", "name"), ("a" * 101, "", "name"), ("a:b", "", "name"), ("rk0123456789ab", "", "name")),
        *(("a\x00", "", "name"), ("a\n", "", "name"), ("a\x85", "", "name"), ("\ud800", "", "name")),
        *(("a", "b" * 201, "secret"), ("a", "\x00", "secret"), ("a", "\udcff", "secret")),
    ],
)
def test_a_pair_that_no_header_could_carry_is_refused(client: Client, name: str, secret: str, field: str):
    with pytest.raises(ValidationError) as refusal:
        till_keys.add_pair(client, name, secret, "staff")

    assert set(refusal.value.message_dict) == {field}
    assert not TillKey.objects.exists()
    assert not AuditRecord.objects.filter(object_type="till_key").exists()


@pytest.mark.parametrize(
    "key",
    [
        *("", "short", "a" * 15, "a" * 201, "with a space in it", "ключключключключ", "a\x00bcdefghijklmnop"),
        # Would take the place of somebody's pair.
        *("dm1vYi53aW5kb3dzLjE6", "cG9zLmNsaWVudC43OnMzY3JldA", "cG9zLmNsaWVudC43OnMzY3JldA=="),
        "rk0123456789ab." + "a" * 43,
    ],
)
def test_a_bare_key_that_is_no_key_or_reads_as_something_else_is_refused(client: Client, key: str):
    with pytest.raises(ValidationError) as refusal:
        till_keys.add_bare_key(client, key, "staff")

    assert set(refusal.value.message_dict) == {"key"}
    assert not TillKey.objects.exists()


def add_same_pair(client: Client) -> TillKey:
    return till_keys.add_pair(client, "till", "secret", "staff")


def add_same_key(client: Client) -> TillKey:
    return till_keys.add_bare_key(client, GUID, "staff").till_key


@pytest.mark.parametrize("add", [add_same_pair, add_same_key])
def test_what_another_till_has_is_taken_on_every_site(client: Client, add: Callable[[Client], TillKey]):
    add(client)

    with pytest.raises(ValidationError):
        add(make_client(make_site(), ["advise"]).client)
    assert TillKey.objects.count() == 1
    assert AuditRecord.objects.filter(object_type="till_key").count() == 1


def test_the_use_is_noted_once_a_minute(client: Client):
    till_keys.add_pair(client, "till", "", "staff")
    till_keys.find_client(encoded("till:"))
    first = Client.objects.get(pk=client.pk).last_used_at
    till_keys.find_client(encoded("till:"))

    assert first is not None
    assert Client.objects.get(pk=client.pk).last_used_at == first
