"""The desk's pages about codes: issuing them, finding one, reading what was tried, and putting it right."""

from codes.admin import advices, attempts, batches, codes, edits, imports, mails, orders, reversals, work_items

__all__ = ["advices", "attempts", "batches", "codes", "edits", "imports", "mails", "orders", "reversals", "work_items"]
