"""manage.py load_demo: what a first start finds, what a second one adds, and where it is refused."""

import io
import json
from collections import Counter
from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from accounts import access, client_keys, clock, granting, offering, pricing, shelf, till_keys
from accounts.callers import caller_for_client, caller_for_user
from accounts.identifying import identify
from accounts.models import Client, Person, Site, User, Venue, Visitor
from accounts.refusals import Refusal, Unauthenticated
from codes.models import Advice, Attempt, Batch, Code, IssueOrder
from codes.redemption.commands import RedeemCode
from codes.redemption.engine import redeem_code
from ledger.models import LedgerAccount
from tests.scenes import scene

pytestmark = pytest.mark.django_db


def load() -> dict:
    """What the command's last line says."""
    out = io.StringIO()
    call_command("load_demo", stdout=out)
    return json.loads(out.getvalue().splitlines()[-1])


demo_scene = scene("demo", load)


@pytest.fixture
def facts(demo_scene: Callable[[], dict], db: None) -> dict:
    """What the first load said; all that it made is there."""
    return demo_scene()


def redeem(user: User, code: str):
    command = RedeemCode(caller=caller_for_user(user, user.site), code=code, claimant_id=user.claimant_id, door="page")
    return redeem_code(command).attempt


def anna() -> User:
    return User.objects.get(site__slug="demo", claimant_id="u-1001")


def test_everybody_it_names_can_sign_in(client, facts: dict):
    claimant, staff = facts["claimant"], facts["staff"]
    assert claimant["claimant_id"] == "u-1001"
    assert anna().check_password(claimant["password"])
    assert User.objects.get(site=None, email=staff["email"]).check_password(staff["password"])
    assert User.objects.get(email=staff["email"]).has_perm("codes.reveal_code")


def test_its_key_redeems_its_first_code_for_its_claimant(facts: dict):
    caller = caller_for_client(*client_keys.verify(facts["client_key"]))

    outcome = redeem_code(RedeemCode(caller=caller, code=facts["codes"][0]["code"], claimant_id="u-1001"))

    assert outcome.attempt.result == {"amount": "5.00", "currency": "EUR", "balance_after": "15.00"}


def test_its_three_codes_are_of_different_kinds_and_all_unused(facts: dict):
    codes = facts["codes"]

    actions = [redeem(anna(), each["code"]).action for each in codes]
    assert actions == ["credit", "fulfilment", "add_tags"]
    assert len({each["kind"] for each in codes}) == 3


def test_a_second_load_adds_three_codes_and_a_key_and_nothing_else(facts: dict):
    first = facts
    counted = [model.objects.count() for model in (Site, User, Batch, LedgerAccount, Attempt, Advice, Venue)]
    codes_before = Code.objects.count()

    second = load()

    assert [model.objects.count() for model in (Site, User, Batch, LedgerAccount, Attempt, Advice, Venue)] == counted
    assert Code.objects.count() == codes_before + 3
    assert not {each["code"] for each in first["codes"]} & {each["code"] for each in second["codes"]}
    with pytest.raises(Unauthenticated):
        client_keys.verify(first["client_key"])
    assert client_keys.verify(second["client_key"])[0].scopes == sorted({*Client.Scope.values} - {"export"})


def test_tills_have_reported_and_most_of_it_was_right(facts: dict):
    outcomes = Counter(Advice.objects.values_list("outcome", flat=True))
    [client] = {advice.client for advice in Advice.objects.select_related("client")}

    assert till_keys.find_client("dm1vYi53aW5kb3dzLjE6") == client
    assert set(outcomes) == {
        "redeemed", "recorded", "already_used", "unknown_text", "wrong_venue", "expired", "invalid_date"
    }  # fmt: skip
    assert outcomes["recorded"] + outcomes["redeemed"] > 20
    assert Venue.objects.filter(site__slug="demo").count() == 2


def test_the_contracts_own_examples_are_there(facts: dict):
    answers = {}
    for code in ("ABC-E6W5F", "OLD-0001", "OFF-0001", "SOON-0001", "MULTI-0001", "OWN-0001"):
        try:
            answers[code] = redeem(anna(), code).result["balance_after"]
        except Refusal as refusal:
            answers[code] = refusal.reason
    assert answers == {
        "ABC-E6W5F": "35.00",
        "OLD-0001": "code_expired",
        "OFF-0001": "code_disabled",
        "SOON-0001": "code_not_yet_valid",
        "MULTI-0001": "60.00",
        "OWN-0001": "not_entitled",
    }
    assert not User.objects.get(site__slug="demo", claimant_id="u-3003").is_active


def test_days_later_there_is_still_a_code_that_starts_tomorrow(facts: dict, settings):
    settings.CLOCK_OFFSET_SECONDS = 3 * 86_400

    load()

    with pytest.raises(Refusal, match="code_not_yet_valid"):
        redeem(anna(), "SOON-0001")


def test_a_load_that_was_cut_off_is_finished_by_the_next(monkeypatch):
    from codes import issuing

    with monkeypatch.context() as patch:
        patch.setattr(issuing, "work_order", lambda order_id: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            load()

    load()

    assert set(IssueOrder.objects.values_list("state", flat=True)) == {IssueOrder.State.DONE}


def test_there_is_a_second_site_whose_people_and_codes_are_its_own(facts: dict):
    acme = Site.objects.get(slug="acme")
    assert Batch.objects.filter(site=acme).count() == 1
    assert User.objects.filter(site=acme, email=anna().email).exists()


def test_no_code_stands_readable_in_a_name(facts: dict):
    names = " ".join(Batch.objects.values_list("name", flat=True)).upper()
    assert not [each for each in (*facts["codes"], {"code": "E6W5F"}, {"code": "0001"}) if each["code"] in names]


def campaign() -> dict:
    out = io.StringIO()
    call_command("load_demo", "--campaign", stdout=out)
    return json.loads(out.getvalue().splitlines()[-1])


def test_a_campaign_is_ordered_once_and_left_to_the_workers(facts: dict):
    first, second = campaign(), campaign()

    order = IssueOrder.objects.get(batch=first["batch"])
    assert (first["name"], first["state"], second) == ("Winter campaign", "issuing", first)
    assert (order.state, order.wanted, order.issued) == ("queued", 100_000, 0)
    assert Code.objects.filter(batch=first["batch"]).count() == 0


def test_a_campaign_needs_a_site():
    with pytest.raises(CommandError, match="first"):
        campaign()


def test_production_refuses_it(settings):
    settings.PRODUCTION = True

    with pytest.raises(CommandError, match="passwords that everybody knows"):
        load()
    assert not Site.objects.exists()


def test_its_shelf_has_the_contracts_offer_and_members_read_the_collection(facts: dict):
    load()
    site = Site.objects.get(slug="demo")
    granting.give_tags([(anna().pk, granting.tags_named(site.pk, ["member"])["member"].pk)], clock.read())

    offers = offering.find_offers(site.pk, ["2dfe", 118226, "118226"])
    shown = shelf.shelf(access.Reader(site.pk, anna().pk), clock.read()).entries

    assert {name: offer.item_external_id for name, offer in offers.items()} == {"2dfe": "9udm", 118226: "9udm"}
    assert [entry.item.external_id for entry in shown] == ["b1", "b3", "winter-reading"]
    assert site.licences.count() == 1
    assert pricing.price_of(site.offers.get(number=118226), anna()) == {"EUR": 1_900}


def test_shops_find_persons_and_a_second_load_adds_none(facts: dict):
    load()
    site = Site.objects.get(slug="demo")

    assert (Person.objects.count(), Visitor.objects.count()) == (2, 1)
    reader = identify(
        site, person_type=1, unique_id="visitor-0002", values="reader@example.test¶5f4dcc3b", separator="¶"
    )
    assert reader.user.claimant_id == "u-2002"
    stored = identify(site, person_type=1, unique_id="visitor-0001", values=None, separator="¶")
    assert stored == reader
