"""A claimant's points in words: what is there, what can be used, and until when."""

from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Site
from codes.receipt_words import moment
from ledger.lot_uses import LotUse
from ledger.models import LedgerAccount
from ledger.points_accounts import read_points


@dataclass(frozen=True, slots=True)
class PointsCard:
    """``lots`` are what can be used until a date, the first to end first; ``endless`` is what never expires."""

    available: str
    held: str
    lots: list[tuple[str, str]]
    endless: str

    @classmethod
    def of(cls, account: LedgerAccount, site: Site) -> "PointsCard":
        read = read_points(account)
        lots = [(in_words(lot.free), moment(lot.expires_at, site)) for lot in read.lots if lot.free]
        endless = read.available - sum(lot.free for lot in read.lots)
        return cls(
            in_words(read.available),
            in_words(read.held) if read.held else "",
            lots,
            in_words(endless) if lots and endless > 0 else "",
        )


def in_words(points: int) -> str:
    """Grouped as the language does."""
    number = number_format(abs(points), use_l10n=True, force_grouping=True)
    words = ngettext("%(number)s point", "%(number)s points", abs(points)) % {"number": number}
    return f"\u2212{words}" if points < 0 else words


def uses_in_words(uses: tuple[LotUse, ...], entry_type: str, site: Site) -> list[str]:
    """What an entry did to lots: which it used, made, or brought points back to. An expiry says so itself."""
    if entry_type == "expiry":
        return []
    said = []
    for use in uses:
        text = _("%(points)s of those until %(when)s") if use.amount < 0 else _("%(points)s until %(when)s")
        said.append(text % {"points": in_words(abs(use.amount)), "when": moment(use.expires_at, site)})
    return said
