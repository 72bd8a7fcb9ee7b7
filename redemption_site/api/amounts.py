"""Amounts as the API tells them."""

from ledger.models import Asset


def amount(asset: Asset, minor_units: int) -> str | int:
    """Money as a decimal text, points as a whole number."""
    return minor_units if asset.kind == Asset.Kind.POINTS else f"{asset.major(minor_units):f}"
