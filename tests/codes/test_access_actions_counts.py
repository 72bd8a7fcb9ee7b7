"""What licensing costs the database: a number of statements that does not grow with the list, one for each specification."""

import pytest

from codes.redemption.engine import redeem_codes
from tests.codes.redeeming import ask, reason_of
from tests.codes.test_access_actions_add import AddShop
from tests.codes.test_statement_counts import DRAW, MOMENT, POSTGRESQL, statements
from tests.content import make_browser, make_item
from tests.factories import make_claimant

pytestmark = pytest.mark.django_db

# Lock; the moment; the draw; write the attempt, the mail, the uses; and read the offer and write the licences.
FRESH = 1 + MOMENT + DRAW + 3 + 2
# No mail, and the browser login instead; no claimant is read, which SQLite would do in a statement of its own.
SESSION = FRESH if POSTGRESQL else FRESH - 1


@pytest.fixture
def shop():
    return AddShop()


def redeemed(*commands):
    outcomes = redeem_codes(list(commands))
    assert {reason_of(each) for each in outcomes} == {"redeemed"}


def test_an_offer(shop):
    shop.code()
    command = ask(shop.till, claimant=shop.reader)

    with statements(FRESH):
        redeemed(command)


def test_a_match_asks_what_matches_and_how_it_is_called(shop):
    shop.matching(all=["ProductId:09238443"])
    command = ask(shop.till, claimant=shop.reader)

    with statements(FRESH + 2):
        redeemed(command)


def test_a_session_code_asks_for_the_browser_and_writes_no_mail(shop):
    shop.session()
    command = shop.command()

    with statements(SESSION):
        redeemed(command)


def test_only_a_session_code_that_was_redeemed_before_asks_who_holds_it(shop):
    shop.session(uses=2)
    shop.add()
    command = shop.command(browser=shop.second)

    with statements(SESSION + 1):
        redeemed(command)


def test_a_used_up_code_reads_neither_offers_nor_items(shop):
    shop.code("ABC-E6W5F", "apply_offer_match", match={"all": ["ProductId:09238443"]})
    redeemed(ask(shop.till, claimant=shop.reader))
    command = ask(shop.till, claimant=shop.other)

    # Lock; the moment; the uses and the last redemption are read; write the attempt.
    with statements(1 + MOMENT + 3):
        assert reason_of(redeem_codes([command])[0]) == "code_used_up"


@pytest.mark.parametrize("length", [2, 40])
def test_a_list_costs_as_many_as_one(shop, length):
    for number in range(2 if length == 2 else 20):
        make_item(shop.site, f"more {number}", ProductId="09238443")
    shop.code("OFFER-1", uses=length)
    shop.code("MATCH-1", "apply_offer_match", match={"all": ["ProductId:09238443"]}, uses=length)
    shop.code("MATCH-2", "apply_offer_match", match={"any": ["sample"]}, access_control=118226, uses=length)
    shop.session("SESSION-1", uses=length)
    people = [make_claimant(shop.site) for _ in range(length)]
    browsers = [make_browser(shop.site) for _ in range(length)]
    commands = [ask(shop.till, text, who) for text in ("OFFER-1", "MATCH-1", "MATCH-2") for who in people]
    commands += [shop.command("SESSION-1", each) for each in browsers]

    # Offers: one for OFFER-1, for the matches by ID and by number, and licences by that number; and one for the session.
    reads = 1 + 3 + 2 + 1 + 1 + 1
    if POSTGRESQL:
        with statements(1 + MOMENT + 1 + 3 + reads + 3):
            redeemed(*commands)
    else:
        redeemed(*commands)  # SQLite takes so many values a statement, and writes licences in several.
