"""A claimant's account over the API: balance, state, minimum and statement, by pages; nothing of another site."""

import pytest

from ledger import cash_accounts
from ledger.models import LedgerAccount
from tests.api.conftest import Tenant
from tests.api.doors import till
from tests.factories import make_claimant, make_client, make_site, make_user
from tests.ledger.suspending import suspend

pytestmark = pytest.mark.django_db
PATH = "/api/v1/claimants/u-1001/account"


@pytest.fixture
def door(tenant: Tenant):
    return till(make_client(tenant.site, ["read"]).key)


def test_balance_state_minimum_and_statement(tenant: Tenant, door):
    account = tenant.account("u-1001")
    before = account.balance
    cash_accounts.change_account(account, state="credit_only", floor=-2_000, actor_id="u-boss", reason="agreed")
    cash_accounts.perform(account, "grant", 250, comment="For you", actor_id="u-boss", internal_comment="by phone")
    waiting = suspend(account, "payout", 75, comment="Later")

    answer = door.get(PATH)

    body = answer.json()
    assert answer.status_code == 200
    assert (body["claimant_id"], body["asset"], body["state"], body["minimum"]) == (
        *("u-1001", "EUR", "credit_only", "-20.00"),
    )
    assert body["balance"] == f"{(before + 250) / 100:.2f}"
    first, second = body["results"][:2]
    assert (first["number"], first["type"], first["amount"], first["comment"], first["waits"]) == (
        *(-waiting.pk, "payout", "-0.75", "Later", True),
    )
    assert first["transaction_id"] is None
    assert (second["type"], second["amount"], second["comment"], second["waits"]) == ("grant", "2.50", "For you", False)
    assert "by phone" not in answer.content.decode()


def test_pages_follow_each_other(tenant: Tenant, door):
    account = tenant.account("u-1001")
    for number in range(3):
        cash_accounts.perform(account, "grant", 1, comment=f"gift {number}", actor_id="u-boss")
        suspend(account, "grant", 1, comment=f"later {number}")

    said, cursor = [], ""
    while True:
        body = door.get(f"{PATH}?page_size=2{cursor}").json()
        assert len(body["results"]) <= 2
        said += [each["comment"] for each in body["results"] if each["comment"].startswith(("gift", "later"))]
        if body["next_cursor"] is None:
            break
        cursor = f"&cursor={body['next_cursor']}"

    assert said == [*(f"later {n}" for n in (2, 1, 0)), *(f"gift {n}" for n in (2, 1, 0))]


@pytest.mark.parametrize("query", ["?cursor=x", "?cursor=WyJ4Il0", "?page_size=0", "?page_size=x", "?colour=red"])
def test_what_cannot_be_asked(tenant: Tenant, door, query: str):
    assert door.get(f"{PATH}{query}").status_code == 400


def test_who_is_unknown_has_no_account_or_is_of_another_site_is_not_found(tenant: Tenant, door):
    make_claimant(make_site(slug="acme"), claimant_id="u-7777", balance=5)
    bare = make_user(tenant.site, claimant_id="u-bare")

    for claimant_id in ("u-7777", "nobody", "u-bare", "%00"):
        assert door.get(f"/api/v1/claimants/{claimant_id}/account").status_code == 404, claimant_id
    assert not LedgerAccount.objects.filter(owner=bare).exists()


def test_a_key_for_some_claimants_reads_their_accounts_alone(tenant: Tenant):
    limited = till(make_client(tenant.site, ["read"], acts_as=[tenant.claimants["u-1001"]]).key)

    assert limited.get(PATH).status_code == 200
    assert limited.get("/api/v1/claimants/u-2002/account").status_code == 403
    assert till(make_client(tenant.site, ["redeem"]).key).get(PATH).status_code == 403
