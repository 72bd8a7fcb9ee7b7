"""What a connection has prepared is there for the next redemption: the driver would forget all of it at a ROLLBACK."""

import pytest
from django.db import connection

from codes.redemption.engine import validate_codes
from tests.codes.redeeming import ask, reason_of, redeem
from tests.factories import make_claimant, make_code

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite keeps no plans"),
]


@pytest.fixture
def anna():
    """Who has redeemed so often that the statements of a redemption are prepared."""
    anna = make_claimant()
    make_code(anna.site, "MANY-1", uses=99, uses_per_claimant=99)
    make_code(anna.site, "CAPPED-1", uses=99, uses_per_claimant=99, total_cap=50)
    for _ in range(5):
        assert reason_of(redeem(anna, "MANY-1")) == "redeemed"
    return anna


def prepared() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements")
        return {name for (name,) in cursor.fetchall()}


@pytest.mark.parametrize("text", ["MANY-1", "CAPPED-1", "NOPE-0001"])
def test_it_outlives_a_validation(anna, text):
    before = prepared()

    validate_codes([ask(anna, text)])

    assert before
    assert before <= prepared()


@pytest.mark.parametrize(("text", "reason"), [("CAPPED-1", "redeemed"), ("NOPE-0001", "code_not_found")])
def test_it_outlives_a_redemption(anna, text, reason):
    before = prepared()

    assert reason_of(redeem(anna, text)) == reason

    assert before
    assert before <= prepared()


def test_the_commit_of_a_validation_does_not_wait_for_the_disk_and_that_of_a_failed_look_up_does(anna, monkeypatch):
    seen = []
    commit = "SELECT current_setting('synchronous_commit')"

    def noted(texts):
        for text in texts:
            validate_codes([ask(anna, text)])
            with connection.cursor() as cursor:
                cursor.execute(commit)
                seen.append(cursor.fetchone()[0])

    before = connection.cursor().execute(commit).fetchone()[0]
    noted(["NOPE-0001"])
    noted(["MANY-1"])

    assert seen == [before, "off"]
