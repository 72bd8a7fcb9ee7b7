"""A deed that the database has broken off is tried again, a few times, and nothing else is."""

import pytest
from django.db import OperationalError

from ledger import durability
from ledger.durability import durable

pytestmark = pytest.mark.django_db


class FromServer(Exception):
    def __init__(self, sqlstate):
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def failing(*sqlstates):
    """A deed that fails with each of these in turn, as Django tells of the server's errors; and how often it was tried."""
    left, tries = list(sqlstates), []

    @durable
    def deed(answer):
        tries.append(answer)
        if left:
            raise OperationalError from FromServer(left.pop(0))
        return answer

    return deed, tries


@pytest.mark.parametrize("sqlstates", [(), ("40P01",), ("40001", "40P01", "40P01", "40001")])
def test_it_is_tried_until_it_succeeds(sqlstates):
    deed, tries = failing(*sqlstates)
    assert deed("whole") == "whole"
    assert len(tries) == len(sqlstates) + 1


def test_after_the_last_try_the_error_is_raised():
    deed, tries = failing(*["40P01"] * 9)
    with pytest.raises(OperationalError):
        deed("whole")
    assert len(tries) == durability.ROUNDS


def test_no_other_error_is_tried_again():
    deed, tries = failing("55P03")
    with pytest.raises(OperationalError):
        deed("whole")
    assert len(tries) == 1
