"""The codes: batches, their terms, the codes themselves, and every attempt to redeem one."""

from codes.models.advice import Advice, AdviceTally, PendingAdvice
from codes.models.articles import Article, ArticleCharacteristic, ArticleProperty
from codes.models.assignments import Assignment, AssignmentMark
from codes.models.attempts import Attempt
from codes.models.batches import Batch
from codes.models.codes import Code
from codes.models.edits import BatchEdit
from codes.models.holds import CodeHold, ReservationKey
from codes.models.imports import CodeImport, ImportPiece, ImportRow, ImportTerms
from codes.models.jobs import Job
from codes.models.orders import IssueOrder
from codes.models.receipts import ReceiptMail
from codes.models.resealing import Resealing
from codes.models.reversals import Reversal
from codes.models.shop_orders import ItemStatus, ShopOrder, ShopOrderItem
from codes.models.terms import Terms
from codes.models.work_items import WorkItem

__all__ = [
    "Advice",
    "AdviceTally",
    "Article",
    "ArticleCharacteristic",
    "ArticleProperty",
    "Assignment",
    "AssignmentMark",
    "Attempt",
    "Batch",
    "BatchEdit",
    "Code",
    "CodeHold",
    "CodeImport",
    "ImportPiece",
    "ImportRow",
    "ImportTerms",
    "IssueOrder",
    "ItemStatus",
    "Job",
    "PendingAdvice",
    "ReceiptMail",
    "Resealing",
    "ReservationKey",
    "Reversal",
    "ShopOrder",
    "ShopOrderItem",
    "Terms",
    "WorkItem",
]
