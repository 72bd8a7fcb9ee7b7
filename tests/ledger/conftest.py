"""What the tests about value share."""

import pytest

from ledger.models import LedgerAccount
from tests.codes.conftest import stopped_clock  # noqa: F401 (a fixture)
from tests.factories import make_account


@pytest.fixture
def account(db: None) -> LedgerAccount:
    """An account that holds 100."""
    return make_account(balance=100)
