"""/account: the balances of a claimant's cash and points, the statement of either, and topping up by a code."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Site
from codes.models import Attempt
from codes.receipt_words import amount, moment
from ledger.balances import standings
from ledger.models import Asset, LedgerAccount, LedgerTransaction
from ledger.statement import Entry, read_statement
from redemption_site.pages import forms
from redemption_site.pages.points import PointsCard, in_words, uses_in_words
from redemption_site.pages.receipts import ReceiptsPage

ENTRIES_A_PAGE = 20
NUMBER = re.compile(r"-?[0-9]{1,18}")
Type = LedgerTransaction.Type
# As the receipts say it.
TYPES: dict[str, str | Promise] = {
    Type.CREDIT: gettext_lazy("Credited"),
    Type.GRANT: gettext_lazy("Credited"),
    Type.REFUND: gettext_lazy("Refunded"),
    Type.REVERSAL: gettext_lazy("Taken back"),
    Type.PAYOUT: gettext_lazy("Paid out"),
    Type.CORRECTION: gettext_lazy("Corrected"),
    Type.SPEND: gettext_lazy("Spent"),
    Type.VOID: gettext_lazy("Given back"),
    Type.EXPIRY: gettext_lazy("Points expired"),
}
STATES: dict[str, str | Promise] = {
    LedgerAccount.State.CREDIT_ONLY: gettext_lazy("Money can come in, but not go out at the moment."),
    LedgerAccount.State.CLOSED: gettext_lazy("This account is closed. Nothing is booked on it."),
}
POINTS_STATES: dict[str, str | Promise] = {
    LedgerAccount.State.CREDIT_ONLY: gettext_lazy("Points can come in, but not be used at the moment."),
    LedgerAccount.State.CLOSED: gettext_lazy("This account is closed. Nothing is booked on it."),
}
# What the platform itself writes where nobody said anything, which names a code as staff know it.
OWN_WORDS = re.compile(r"Code [0-9]+-[0-9]+.*")


@dataclass(frozen=True, slots=True)
class Line:
    """One entry in words. ``receipt_id`` leads to the receipt of the redemption that made it."""

    what: str
    comment: str
    when: str
    change: str
    is_credit: bool
    waits: bool
    receipt_id: UUID | None
    lots: list[str]

    @classmethod
    def of(cls, entry: Entry, asset: Asset, site: Site, receipt_id: UUID | None) -> "Line":
        when = moment(entry.instant, site)
        is_points = asset.kind == Asset.Kind.POINTS
        change = in_words(entry.amount) if is_points else amount(str(asset.major(entry.amount)), asset.code)
        # Why staff took a redemption back is not for the holder: the receipt does not say it either.
        shown = entry.type != Type.REVERSAL and not OWN_WORDS.fullmatch(entry.comment)
        return cls(
            what=str(TYPES.get(entry.type, _("Booked"))),
            comment=entry.comment if shown else "",
            when=_("Counts from %(when)s") % {"when": when} if entry.waits else when,
            change=change if entry.amount < 0 else f"+{change}",
            is_credit=entry.amount > 0,
            waits=entry.waits,
            receipt_id=receipt_id,
            lots=uses_in_words(entry.lots, entry.type, site),
        )


class AccountPage(ReceiptsPage):
    """The claimant's own account; who has none is told so, and opens none by looking."""

    place = "account"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        if self.claimant is None:
            return self.ask_to_sign_in()
        held = LedgerAccount.objects.select_related("asset").filter(owner=self.claimant)
        accounts = {account.kind: account for account in held}
        cash, points = accounts.get(LedgerAccount.Kind.CASH), accounts.get(LedgerAccount.Kind.POINTS)
        account = points if cash is None or request.GET.get("of") == "points" else cash
        account = account or cash
        if account is None:
            return self.render("pages/account.html", {"account": None})
        given = request.GET.get("after", "")
        after = int(given) if NUMBER.fullmatch(given) else None
        page = read_statement(account, after=after, limit=ENTRIES_A_PAGE)
        asset, receipts = account.asset, self.receipts_of(page.entries)
        return self.render(
            "pages/account.html",
            {
                "account": account,
                "of": account.kind if len(accounts) > 1 else "",
                "cash": cash and self.cash_card(cash),
                "points": points and PointsCard.of(points, self.site),
                "points_state": POINTS_STATES.get(points.state, "") if points else "",
                "takes_codes": any(each.state != LedgerAccount.State.CLOSED for each in held),
                "lines": [Line.of(each, asset, self.site, receipts.get(each.transaction_id)) for each in page.entries],
                "next_after": page.next,
                "later": after is not None,
                "form_key": forms.new_key(),
            },
        )

    def cash_card(self, account: LedgerAccount) -> dict[str, Any]:
        """The money: the balance, what open reservations hold of it, the minimum, and what the state means."""
        asset, standing = account.asset, standings([account.pk])[account.pk]
        return {
            "balance": amount(str(asset.major(standing.balance or 0)), asset.code),
            "held": amount(str(asset.major(standing.held)), asset.code) if standing.held else "",
            "minimum": amount(str(asset.major(account.floor)), asset.code) if account.floor else "",
            "state": STATES.get(account.state, ""),
        }

    def receipts_of(self, entries: Iterable[Entry]) -> dict[UUID | None, UUID]:
        """Transaction ID → the claimant's receipt of the redemption that booked it."""
        ids = [each.transaction_id for each in entries if each.type in (Type.CREDIT, Type.REFUND)]
        found = Attempt.objects.filter(claimant=self.claimant, ledger_transaction__in=ids)
        return dict(found.values_list("ledger_transaction_id", "pk"))
