"""The codes: batches, their terms, the codes themselves, and every attempt to redeem one."""

from codes.models.attempts import Attempt
from codes.models.batches import Batch
from codes.models.codes import Code
from codes.models.holds import CodeHold, Reservation
from codes.models.orders import IssueOrder
from codes.models.receipts import ReceiptMail
from codes.models.reversals import Reversal
from codes.models.terms import Terms
from codes.models.work_items import WorkItem

__all__ = [
    "Attempt",
    "Batch",
    "Code",
    "CodeHold",
    "IssueOrder",
    "ReceiptMail",
    "Reservation",
    "Reversal",
    "Terms",
    "WorkItem",
]
