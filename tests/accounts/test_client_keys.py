"""API keys: shown once, stored hashed, scoped, limited, and dead when they end."""

import datetime as dt

import pytest
from django.db import connection
from django.db.models import Max

from accounts import client_keys, clock
from accounts.models import AuditRecord, Client
from accounts.refusals import Unauthenticated
from tests.factories import caller_of, make_client, make_site, make_user

pytestmark = pytest.mark.django_db


def test_a_fresh_key_finds_its_client_and_its_site():
    new = make_client(scopes=["redeem", "read"])

    client, acts_as = client_keys.verify(new.key)

    assert client == new.client
    assert client.site == new.client.site
    assert client.scopes == ["read", "redeem"]
    assert acts_as == frozenset()


def test_the_secret_is_256_bits_and_rests_nowhere():
    new = make_client()
    prefix, secret = new.key.split(".")

    assert len(secret) == 43  # 32 bytes in base64.
    assert bytes(new.client.secret_hash) == client_keys.hash_secret(secret)
    for table in ("accounts_client", "accounts_auditrecord"):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table}")
            everything = repr([bytes(v) if isinstance(v, memoryview) else v for row in cursor.fetchall() for v in row])
        assert prefix in everything
        assert secret not in everything


def test_two_keys_share_neither_prefix_nor_secret():
    site = make_site()

    one, other = make_client(site), make_client(site)

    assert one.client.prefix != other.client.prefix
    assert one.key.split(".")[1] != other.key.split(".")[1]
    with pytest.raises(Unauthenticated):
        client_keys.verify(f"{one.client.prefix}.{other.key.split('.')[1]}")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: "",
        lambda key: ".",
        lambda key: key.split(".")[0],
        lambda key: key[:-1],
        lambda key: key + "A",
        lambda key: key + "\n",
        lambda key: key.upper(),
        lambda key: key.replace(".", ":"),
        lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"),
        lambda key: "rk000000000000." + key.split(".")[1],
        lambda key: key.replace("rk", "rk\0", 1),
        lambda key: key.split(".")[0] + ".\ud800" + "A" * 42,
        lambda key: key.split(".")[0] + "." + "ä" * 43,
        lambda key: "r" * 100_000,
    ],
)
def test_anything_but_the_very_key_is_refused(spoil):
    new = make_client()

    with pytest.raises(Unauthenticated):
        client_keys.verify(spoil(new.key))


def test_what_is_no_key_of_ours_costs_no_query(django_assert_num_queries):
    with django_assert_num_queries(0), pytest.raises(Unauthenticated):
        client_keys.verify("Basic dXNlcjpwYXNz")


def test_a_key_dies_at_its_expiry(settings):
    new = make_client(expires_at=clock.read() + dt.timedelta(minutes=5))
    client_keys.verify(new.key)

    settings.CLOCK_OFFSET_SECONDS = 299
    client_keys.verify(new.key)

    settings.CLOCK_OFFSET_SECONDS = 301
    with pytest.raises(Unauthenticated):
        client_keys.verify(new.key)


def test_a_key_is_dead_at_the_very_moment_it_expires(monkeypatch):
    moment = clock.read() + dt.timedelta(minutes=5)
    new = make_client(expires_at=moment)

    monkeypatch.setattr(clock, "read", lambda: moment)
    with pytest.raises(Unauthenticated):
        client_keys.verify(new.key)


def test_a_revoked_key_is_dead_and_revoking_it_again_changes_nothing():
    new = make_client()

    assert client_keys.revoke(new.client, actor_id="staff")
    ended_at = Client.objects.get(pk=new.client.pk).revoked_at

    with pytest.raises(Unauthenticated):
        client_keys.verify(new.key)
    assert not client_keys.revoke(new.client, actor_id="staff")
    assert Client.objects.get(pk=new.client.pk).revoked_at == ended_at
    assert AuditRecord.objects.filter(action="client.revoke", object_id=new.client.prefix).count() == 1


def test_making_a_key_leaves_one_audit_row_without_the_secret():
    site = make_site()
    new = client_keys.create_client(site, "till 7", ["redeem"], actor_id="u-boss")

    row = AuditRecord.objects.get(action="client.create")
    assert (row.site, row.actor_id, row.object_id) == (site, "u-boss", new.client.prefix)
    assert row.detail == {"name": "till 7", "scopes": ["redeem"]}


def test_the_last_use_is_written_at_most_once_a_minute(settings, django_assert_num_queries):
    new = make_client()
    client_keys.verify(new.key)
    first = Client.objects.get(pk=new.client.pk).last_used_at
    assert first is not None

    settings.CLOCK_OFFSET_SECONDS = 55
    with django_assert_num_queries(2):  # The client and the clock; nothing is written.
        client_keys.verify(new.key)
    assert Client.objects.get(pk=new.client.pk).last_used_at == first

    settings.CLOCK_OFFSET_SECONDS = 65
    with django_assert_num_queries(3):
        client_keys.verify(new.key)
    assert Client.objects.get(pk=new.client.pk).last_used_at > first + dt.timedelta(seconds=60)


def test_a_refused_key_counts_as_no_use():
    new = make_client()

    with pytest.raises(Unauthenticated):
        client_keys.verify(new.client.prefix + "." + "A" * 43)

    assert Client.objects.aggregate(last=Max("last_used_at"))["last"] is None


def test_an_unknown_scope_is_refused_and_makes_no_client():
    with pytest.raises(ValueError, match="known scopes"):
        make_client(scopes=["redeem", "everything"])

    assert not Client.objects.exists()


def test_a_client_may_be_limited_to_some_claimants_of_its_site():
    site = make_site()
    one, other = make_user(site), make_user(site)
    new = make_client(site, acts_as=[one])

    caller = caller_of(new)

    assert caller.may_act_for(one.pk)
    assert not caller.may_act_for(other.pk)


def test_a_client_without_a_list_may_act_for_every_claimant_of_its_site():
    new = make_client()

    assert caller_of(new).may_act_for(make_user(new.client.site).pk)


@pytest.mark.parametrize("stranger", [make_user, lambda: make_user().__class__.objects.create_user(None, "s@x.test")])
def test_a_claimant_of_another_site_is_refused_and_makes_no_client(stranger):
    with pytest.raises(ValueError, match="its own site"):
        make_client(make_site(), acts_as=[stranger()])

    assert not Client.objects.exists()


def test_a_limited_key_whose_last_claimant_is_gone_opens_nothing_instead_of_everything():
    site = make_site()
    only = make_user(site)
    new = make_client(site, acts_as=[only])

    only.delete()

    with pytest.raises(Unauthenticated):
        client_keys.verify(new.key)
