"""Amounts as the desk shows them and reads them: decimals of the asset, never rounded."""

from decimal import Decimal, InvalidOperation

from django.core.exceptions import ValidationError

from ledger.models import Asset

LARGEST = 10**15


def money(asset: Asset, minor_units: int) -> str:
    """-1234550 of EUR is "-12,345.50 EUR"."""
    return f"{asset.major(minor_units):,.{asset.exponent}f} {asset.code}"


def minor_units(asset: Asset, text: str) -> int:
    """The amount in minor units. Raises ValidationError on anything but a positive decimal with no more places than it has."""
    try:
        amount = Decimal(text.strip())
    except InvalidOperation as error:
        raise ValidationError("Write the amount as a number, such as 12.50.") from error
    if not amount.is_finite() or amount <= 0:
        raise ValidationError("The amount must be greater than zero.")
    if amount.adjusted() > 15:
        raise ValidationError("The amount is too large.")
    scaled = amount.scaleb(asset.exponent)
    if scaled != scaled.to_integral_value():
        places = "no decimal places" if not asset.exponent else f"at most {asset.exponent} decimal places"
        raise ValidationError(f"{asset.code} has {places}.")
    if scaled > LARGEST:
        raise ValidationError("The amount is too large.")
    return int(scaled)


def limit(asset: Asset, text: str) -> int:
    """A minimum balance in minor units: as an amount, but it may be zero or negative too. Raises ValidationError."""
    typed = text.strip().replace("−", "-")
    digits = typed.removeprefix("-")
    if digits and not digits.strip("0.") and digits.count(".") < 2 and digits != ".":
        return 0
    return -minor_units(asset, digits) if typed.startswith("-") else minor_units(asset, digits)
