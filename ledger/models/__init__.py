"""The value: assets, accounts, and the transactions whose transfers are the only truth about balances."""

from ledger.models.accounts import MOST, LedgerAccount
from ledger.models.assets import Asset
from ledger.models.grants import PointsGrant
from ledger.models.lots import Lot, LotHold, LotMovement
from ledger.models.reservations import AccountHold, Reservation
from ledger.models.spendings import Spending
from ledger.models.sums import BatchSum, BatchTally
from ledger.models.suspended import SuspendedBooking
from ledger.models.transactions import LedgerTransaction, Transfer

__all__ = [
    "MOST",
    "AccountHold",
    "Asset",
    "BatchSum",
    "BatchTally",
    "LedgerAccount",
    "LedgerTransaction",
    "Lot",
    "LotHold",
    "LotMovement",
    "PointsGrant",
    "Reservation",
    "Spending",
    "SuspendedBooking",
    "Transfer",
]
