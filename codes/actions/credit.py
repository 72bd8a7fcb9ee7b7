"""credit: value moves from the batch's outstanding account to the claimant's account of the asset's kind."""

from typing import Any

import uuid_utils.compat as uuid
from django.core.exceptions import ValidationError

from codes import lookup
from codes.actions.base import Action, Effect, refuse_unknown
from codes.redemption.case import Case
from codes.redemption.rules import found
from ledger.books import Booking, Leg
from ledger.models import Asset, LedgerTransaction
from ledger.refusals import AccountMissing, CurrencyMismatch


class Credit(Action):
    name = "credit"
    label = "Credit money or points"
    moves_value = True

    def clean(self, site_id: int, parameters: dict[str, Any], asset: Asset | None, value: int) -> dict[str, Any]:
        refuse_unknown(parameters)
        if asset is None or value <= 0:
            raise ValidationError({"value": ["Say what one use is worth, and in which asset."]})
        return {}

    def judge(self, case: Case) -> Effect:
        booking = credit_booking(case, LedgerTransaction.Type.CREDIT)
        return Effect(credited(case, found(case).value), booking=booking)


def credit_booking(case: Case, type_: str, **fields: Any) -> Booking:
    """Outstanding → claimant. Raises AccountMissing or CurrencyMismatch: redeeming never opens an account."""
    code, account = found(case), case.account
    if account is None or code.outstanding_id is None:
        raise AccountMissing
    if account.asset_id != code.asset_id:
        raise CurrencyMismatch
    return Booking(
        id=uuid.uuid7(),
        site_id=code.site_id,
        type=type_,
        legs=(Leg(code.outstanding_id, account.id, code.value, code.batch_id),),
        comment=comment(case) or f"Code {code.batch_id}-{code.serial}",
        reference=case.command.reference or "",
        **fields,
    )


def comment(case: Case) -> str:
    """What the caller wrote for the holder to read, but never the code itself, which nothing may keep readable."""
    said = case.command.comment
    return lookup.without(case.form, said) if said and case.form else said


def credited(case: Case, amount: int) -> dict[str, Any]:
    """What the receipt tells: money as a decimal string, points as whole numbers (redemption flow, section 5)."""
    code, account = found(case), case.account
    after = (account.balance or 0) + amount if account else amount
    if code.asset_kind == Asset.Kind.POINTS:
        return {"points": amount, "unit": code.asset_code, "balance_after": after}
    return {"amount": decimal(amount, code), "currency": code.asset_code, "balance_after": decimal(after, code)}


def decimal(minor_units: int, code: Any) -> str:
    """Minor units as a decimal string: 2500 of EUR is "25.00"."""
    exponent = code.asset_exponent or 0
    sign, digits = ("-" if minor_units < 0 else ""), str(abs(minor_units)).rjust(exponent + 1, "0")
    return f"{sign}{digits[:-exponent]}.{digits[-exponent:]}" if exponent else f"{sign}{digits}"
