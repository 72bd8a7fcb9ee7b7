"""refund: credits the claimant by reference to an earlier booking of theirs, never more than it and never twice."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError

from codes.actions.base import Action, Effect, refuse_unknown
from codes.actions.credit import credit_booking, credited
from codes.redemption.case import Case
from codes.redemption.rules import found
from codes.refusals import TargetMissing
from ledger.models import Asset, LedgerTransaction, Transfer


class Refund(Action):
    name = "refund"
    label = "Refund an earlier booking"
    moves_value = True

    def clean(self, site_id: int, parameters: dict[str, Any], asset: Asset | None, value: int) -> dict[str, Any]:
        """``{"booking": <ID of a ledger transaction that took value from a customer>}``"""
        refuse_unknown(parameters, "booking")
        try:
            booking = UUID(str(parameters.get("booking")))
        except ValueError as error:
            raise ValidationError({"parameters": ["Give the ID of the booking that is to be refunded."]}) from error
        legs = Transfer.objects.filter(
            transaction=booking, transaction__site=site_id, debit_account__owner__isnull=False
        )
        taken = legs.values_list("amount", "debit_account__asset_id")
        if asset is None or value <= 0 or not taken or any(row[1] != asset.pk for row in taken):
            raise ValidationError(
                {"parameters": ["There is no booking of that ID which took value of this asset from a customer."]}
            )
        if value > sum(row[0] for row in taken):
            raise ValidationError({"value": ["A refund is never more than the booking it refunds."]})
        return {"booking": str(booking)}

    def load(self, cases: Sequence[Case]) -> None:
        """What each booking took from whom, and whether it has been reversed or refunded."""
        wanted = {UUID(found(case).parameters["booking"]) for case in cases}
        taken: dict[UUID, dict[int, int]] = {}
        rows = Transfer.objects.filter(transaction__in=wanted, debit_account__owner__isnull=False)
        for booking, account, amount in rows.values_list("transaction_id", "debit_account_id", "amount"):
            from_account = taken.setdefault(booking, {})
            from_account[account] = from_account.get(account, 0) + amount
        spent = set(LedgerTransaction.objects.filter(reverses__in=wanted).values_list("reverses_id", flat=True))
        for case in cases:
            case.extra = {"taken": taken, "spent": spent}  # Shared, so that a later case sees an earlier one's refund.

    def judge(self, case: Case) -> Effect:
        code, booking_id = found(case), UUID(found(case).parameters["booking"])
        booking = credit_booking(case, LedgerTransaction.Type.REFUND, reverses_id=booking_id)
        taken = case.extra["taken"].get(booking_id, {}).get(case.account.id if case.account else 0, 0)
        if code.value > taken or booking_id in case.extra["spent"]:
            raise TargetMissing
        return Effect({**credited(case, code.value), "booking": str(booking_id)}, booking=booking)

    def remember(self, case: Case) -> None:
        case.extra["spent"].add(UUID(found(case).parameters["booking"]))
