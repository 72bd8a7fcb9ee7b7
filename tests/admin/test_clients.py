"""API clients on the desk: the key is shown once and never again; a revoked one is dead."""

import datetime as dt
import re

import pytest

from accounts import client_keys, clock
from accounts.models import AuditRecord, Client
from accounts.refusals import Unauthenticated
from tests.admin.desk import World, list_of, make_world, page_of, text_of
from tests.factories import make_user

pytestmark = pytest.mark.django_db
CREATE = "/admin/accounts/client/create/"
KEY = re.compile(r"rk[0-9a-f]{12}\.[\w-]{20,}")


def form(world: World, **fields: object) -> dict[str, object]:
    return {"site": world.site.pk, "name": "till 7", "scopes": ["redeem", "read"], **fields}


def test_the_key_is_shown_once_and_works(world: World):
    browser = world.sign_in("manager")
    answer = browser.post(CREATE, form(world))
    [key] = set(KEY.findall(text_of(answer)))
    client, _ = client_keys.verify(key)

    assert (client.name, client.site, client.scopes) == ("till 7", world.site, ["read", "redeem"])
    assert answer["Cache-Control"].startswith("no-store")
    created = AuditRecord.objects.get(action="client.create", object_id=client.prefix)
    assert created.actor_id == world.staff["manager"].claimant_id
    secret = key.partition(".")[2]
    for path in (
        CREATE,
        list_of("accounts_client"),
        page_of(client),
        page_of(created),
        list_of("accounts_auditrecord"),
    ):
        assert secret not in text_of(browser.get(path)), path


def test_a_client_may_be_limited_to_some_claimants_and_to_a_time(world: World):
    someone = make_user(world.site)
    world.sign_in("manager").post(
        CREATE, form(world, acts_as=f"{someone.claimant_id}\n\n", expires_at="2036-01-01T00:00")
    )
    client = Client.objects.get(name="till 7")

    assert list(client.acts_as.all()) == [someone]
    assert client.expires_at == dt.datetime(2036, 1, 1, tzinfo=dt.UTC)
    assert someone.claimant_id in text_of(world.sign_in("manager").get(page_of(client)))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": ""}, "This field is required"),
        ({"name": "x" * 101}, "at most 100 characters"),
        ({"scopes": []}, "This field is required"),
        ({"scopes": ["everything"]}, "Select a valid choice"),
        ({"expires_at": "2001-01-01T00:00"}, "That moment has passed"),
        ({"expires_at": "soon"}, "Enter a valid date/time"),
        ({"acts_as": "u-nobody"}, "No claimant of this site has the ID u-nobody"),
        ({"site": "0"}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_said_and_no_key_is_made(world: World, wrong: dict, said: str):
    before = Client.objects.count()
    answer = world.sign_in("manager").post(CREATE, form(world, **wrong))

    assert said in text_of(answer)
    assert not KEY.search(text_of(answer))
    assert Client.objects.count() == before


def test_nobody_makes_a_key_for_a_site_they_do_not_manage(world: World):
    elsewhere = make_world("elsewhere")
    answer = elsewhere.sign_in("manager").post(CREATE, form(world))

    assert "Select a valid choice" in text_of(answer)
    assert not Client.objects.filter(name="till 7").exists()


def test_a_revoked_key_is_dead_and_stays_so(world: World):
    browser = world.sign_in("manager")
    [key] = set(KEY.findall(text_of(browser.post(CREATE, form(world)))))
    client = Client.objects.get(name="till 7")
    browser.post(page_of(client, "revoke"))

    with pytest.raises(Unauthenticated):
        client_keys.verify(key)
    assert "revoked" in text_of(browser.get(page_of(client)))
    assert page_of(client, "revoke") not in text_of(browser.get(page_of(client)))
    again = browser.post(page_of(client, "revoke"), follow=True)
    assert "is not possible any more" in text_of(again)
    assert AuditRecord.objects.filter(action="client.revoke").count() == 1


def test_a_key_whose_time_is_over_is_told_as_ended(world: World):
    client = world.rows["accounts_client"]
    Client.objects.filter(pk=client.pk).update(expires_at=clock.read() - dt.timedelta(days=1))

    assert "ended" in text_of(world.sign_in("manager").get(page_of(client)))
