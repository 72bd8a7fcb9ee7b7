"""Tills of an API client on the desk: what they sign with is shown once, works, and is dead once removed."""

import base64
import re

import pytest

from accounts import till_keys
from accounts.models import AuditRecord, Client, TillKey
from accounts.refusals import Unauthenticated
from tests.admin.desk import World, make_world, page_of, text_of
from tests.factories import make_client

pytestmark = pytest.mark.django_db
SECRET = "s3cret-of-a-till"


@pytest.fixture
def client(world: World) -> Client:
    return make_client(world.site, ["advise"], name="tills").client


def shown(page: str) -> str:
    [secret] = re.findall(r'<code id="secret">([^<]+)</code>', page)
    return secret


def add(world: World, client: Client, **fields: object):
    return world.sign_in("manager").post(page_of(client, "add_till"), {"name": "pos.client.7", **fields})


def test_a_till_is_added_and_what_it_sends_is_shown_once(world: World, client: Client):
    answer = add(world, client, secret=SECRET)
    sent = shown(text_of(answer))

    assert base64.b64decode(sent).decode() == f"pos.client.7:{SECRET}"
    assert till_keys.find_client(sent) == client
    assert answer["Cache-Control"].startswith("no-store")
    added = AuditRecord.objects.get(action="till_key.add")
    assert added.actor_id == world.staff["manager"].claimant_id
    for path in (page_of(client), page_of(added), page_of(client, "remove_till")):
        page = text_of(world.sign_in("manager").get(path))
        assert "pos.client.7" in page
        assert sent not in page
        assert SECRET not in page


def test_the_contracts_own_till_has_no_secret(world: World, client: Client):
    answer = add(world, client, name="vmob.windows.1", no_secret="on")

    assert shown(text_of(answer)) == "dm1vYi53aW5kb3dzLjE6"
    assert till_keys.find_client("dm1vYi53aW5kb3dzLjE6") == client


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "Either write the secret, or say that it has none"),
        ({"secret": SECRET, "no_secret": "on"}, "Either write the secret, or say that it has none"),
        ({"name": "", "secret": SECRET}, "This field is required"),
        ({"name": "a:b", "secret": SECRET}, "A name has no colon"),
        ({"name": "x" * 101, "secret": SECRET}, "at most 100 characters"),
    ],
)
def test_what_is_wrong_is_said_and_no_till_is_added(world: World, client: Client, fields: dict, said: str):
    page = text_of(add(world, client, **fields))

    assert said in page
    assert SECRET not in page
    assert not TillKey.objects.exists()


def test_a_name_belongs_to_one_till_of_the_platform(world: World, client: Client):
    elsewhere = make_world("elsewhere")
    there = make_client(elsewhere.site, ["advise"]).client
    till_keys.add_pair(there, "pos.client.7", "", actor_id="system")

    assert "A till has this name already" in text_of(add(world, client, secret=SECRET))
    assert TillKey.objects.get().client == there


def test_a_bare_key_is_made_or_taken_over(world: World, client: Client):
    browser = world.sign_in("manager")
    fresh = shown(text_of(browser.post(page_of(client, "add_till_key"), {"bare_key": ""})))
    own = shown(text_of(browser.post(page_of(client, "add_till_key"), {"bare_key": "A-KEY-OF-THE-TILLS-OWN"})))

    assert own == "A-KEY-OF-THE-TILLS-OWN"
    assert till_keys.find_client(fresh) == till_keys.find_client(own) == client
    page = text_of(browser.get(page_of(client)))
    assert page.count("<td>bare key</td>") == 2
    assert fresh not in page
    assert own not in page
    assert "16 to 200 letters" in text_of(browser.post(page_of(client, "add_till_key"), {"bare_key": "short"}))


def test_a_removed_till_is_dead(world: World, client: Client):
    sent = shown(text_of(add(world, client, secret=SECRET)))
    browser = world.sign_in("manager")
    other = make_client(world.site, ["advise"]).client
    foreign = till_keys.add_pair(other, "not.this.clients", "", actor_id="system")
    form = {"till_key": client.till_keys.get().pk}

    refused = browser.post(page_of(client, "remove_till"), {"till_key": foreign.pk})
    answer = browser.post(page_of(client, "remove_till"), form, follow=True)

    assert "Select a valid choice" in text_of(refused)
    assert "pos.client.7 was removed" in text_of(answer)
    with pytest.raises(Unauthenticated):
        till_keys.find_client(sent)
    assert TillKey.objects.get() == foreign
    assert AuditRecord.objects.get(action="till_key.remove").object_id == str(form["till_key"])
    again = browser.post(page_of(client, "remove_till"), form, follow=True)
    assert "is not possible any more" in text_of(again)


@pytest.mark.parametrize("scopes", [["redeem"], ["advise"]])
def test_tills_are_for_clients_that_may_advise_and_have_not_ended(world: World, scopes: list):
    client = make_client(world.site, scopes).client
    browser = world.sign_in("manager")
    if scopes == ["advise"]:
        browser.post(page_of(client, "revoke"))

    browser.post(page_of(client, "add_till"), {"name": "pos.client.7", "no_secret": "on"})

    assert not TillKey.objects.exists()
    assert page_of(client, "add_till") not in text_of(browser.get(page_of(client)))
