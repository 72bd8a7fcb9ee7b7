"""Hot paths state their number of statements: fixed, however long the list."""

from contextlib import contextmanager

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from codes import reversing
from codes.lookup import shown
from codes.redemption.engine import redeem_codes, validate_codes
from tests.codes.redeeming import ask, reason_of, redeem
from tests.codes.twins import CODES, Wish, make_twin
from tests.factories import caller_of, make_batch, make_claimant, make_client, make_code, make_site

pytestmark = pytest.mark.django_db

POSTGRESQL = connection.vendor == "postgresql"


@contextmanager
def statements(expected):
    """So many statements inside, the savepoints that stand for BEGIN and COMMIT left out."""
    with CaptureQueriesContext(connection) as made:
        yield
    asked = [each["sql"] for each in made if "SAVEPOINT" not in each["sql"]]
    assert len(asked) == expected, "\n".join(statement[:150] for statement in asked)


@pytest.fixture
def site():
    return make_site()


@pytest.fixture
def till(site):
    return caller_of(make_client(site))


# Under the locks the clock, the codes, the claimants and the budgets are read, and earlier attempts with the same keys: PostgreSQL
# answers it all in one statement, SQLite in one for each.
MOMENT = 1 if POSTGRESQL else 4
KEYS = 0 if POSTGRESQL else 1
# The number of a single redemption's receipt is drawn as PostgreSQL writes its attempt.
DRAW = 0 if POSTGRESQL else 1
# Says that the commit need not wait for the disk, where only locks were taken.
UNAWAITED = 1 if POSTGRESQL else 0
# Lock codes and accounts; the moment; draw numbers; write attempts; write mails; write transactions; write transfers; use codes.
FRESH = MOMENT + DRAW + 6


def test_one_redemption_of_a_fresh_code(site, till):
    make_code(site)
    command = ask(till, claimant=make_claimant(site))

    with statements(FRESH):
        assert reason_of(redeem_codes([command])[0]) == "redeemed"


def test_one_with_a_key_asks_for_it_too(site, till):
    make_code(site)
    command = ask(till, claimant=make_claimant(site), idempotency_key="k1")

    with statements(FRESH + KEYS):
        redeem_codes([command])


def test_one_without_a_mail_address_writes_no_mail(site, till):
    make_code(site)
    command = ask(till, claimant=make_claimant(site, email=""))

    with statements(FRESH - 1):
        redeem_codes([command])


def test_a_second_use_reads_the_uses_before(site, till):
    make_code(site, uses=3)
    redeem(till, claimant=make_claimant(site))
    command = ask(till, claimant=make_claimant(site))

    with statements(FRESH + 1):
        redeem_codes([command])


def test_a_used_up_code(site, till):
    make_code(site)
    redeem(till, claimant=make_claimant(site))
    command = ask(till, claimant=make_claimant(site))

    # Lock; the moment; the uses and the last redemption are read; write the attempt.
    with statements(MOMENT + 4):
        assert reason_of(redeem_codes([command])[0]) == "code_used_up"


def test_an_unknown_code(site, till):
    claimant = make_claimant(site)

    # Lock codes; the moment, without codes; count; write the attempt.
    with statements(4 if POSTGRESQL else 6):
        assert reason_of(redeem_codes([ask(till, "NOPE-0001", claimant)])[0]) == "code_not_found"


def test_a_replayed_answer_writes_nothing(site, till):
    make_code(site)
    command = ask(till, claimant=make_claimant(site), idempotency_key="k1")
    redeem_codes([command])
    again = ask(till, claimant=command.claimant_id, idempotency_key="k1")

    with CaptureQueriesContext(connection) as made:
        assert redeem_codes([again])[0].replayed

    assert not [each["sql"] for each in made if each["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]


@pytest.mark.parametrize("length", [2, 5, 100])
def test_a_list_costs_as_many_as_one(site, till, length):
    batch = make_batch(site, count=length)

    people = [make_claimant(site) for _ in range(min(length, 10))]
    commands = [
        ask(till, shown(code), people[number % len(people)], idempotency_key=f"k{number}")
        for number, code in enumerate(batch.codes.order_by("serial"))
    ]

    with statements(MOMENT + 1 + 6 + KEYS):
        outcomes = redeem_codes(commands)

    assert {reason_of(outcome) for outcome in outcomes} == {"redeemed"}


def test_a_list_of_everything_costs_the_same_whether_each_comes_once_or_five_times(stopped_clock):
    numbers = []
    for times in (1, 5):
        twin = make_twin()
        wishes = [Wish("till", code, "anna") for code in CODES] + [Wish("anna", "NOPE-0001", "anna")]
        with CaptureQueriesContext(connection) as made:
            twin.ask(wishes * times, together=True)
        numbers.append(len(made))

    assert numbers[0] == numbers[1]
    assert numbers[0] < 60


def test_a_capped_batch_costs_the_lock_and_the_count_and_a_second_look(site, till):
    make_code(site, total_cap=5)
    command = ask(till, claimant=make_claimant(site))

    # The first look, at the codes and all the rest, finds that the batch must be locked first, and is given up.
    with statements(FRESH + 2 + 1 + MOMENT + UNAWAITED):
        assert reason_of(redeem_codes([command])[0]) == "redeemed"


def test_a_validation_reads_what_a_redemption_reads_and_writes_nothing(site, till):
    make_code(site)
    command = ask(till, claimant=make_claimant(site))

    with statements(1 + MOMENT + UNAWAITED):
        assert reason_of(validate_codes([command])[0]) == "redeemed"


def test_a_reversal(site, till):
    make_code(site)
    outcome = redeem(till, claimant=make_claimant(site))
    command = reversing.ReverseRedemption(till, outcome.attempt.pk, "a mistake", give_use_back=True)

    with CaptureQueriesContext(connection) as made:
        reversing.reverse(command)

    assert len(made) <= 18
