"""What staff do to customers' accounts: opening one, booking on it now or from a date on, changing what it permits."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.enums import ActionVariant

from accounts import clock
from accounts.admin.deeds import Deed, DeskForm
from accounts.admin.scope import actor_id
from accounts.admin.wording import instant
from accounts.models import Site, User
from accounts.refusals import Refusal
from ledger import cash_accounts
from ledger.admin.money import limit, minor_units, money
from ledger.admin.transactions import whose
from ledger.models import Asset, LedgerAccount, SuspendedBooking
from ledger.refusals import AccountLocked, InsufficientBalance

SAID = {
    AccountLocked: "The account's state does not permit it. Nothing was changed.",
    InsufficientBalance: "The balance would be below the account's minimum. Nothing was changed.",
}
KEPT = "Kept in the audit; the holder does not see it."


def amount_field(**options: Any) -> forms.CharField:
    attrs = {"inputmode": "decimal", "autocomplete": "off"}
    return forms.CharField(max_length=20, widget=forms.TextInput(attrs=attrs), **options)


def reason_field() -> forms.CharField:
    return forms.CharField(max_length=200, label="Reason", help_text=KEPT)


class BookForm(DeskForm):
    type = forms.ChoiceField(
        choices=[
            ("grant", "Grant: into the account"),
            ("payout", "Payout: out of the account, to its holder"),
            ("correction", "Correction: out of the account"),
        ]
    )
    amount = amount_field()
    comment = forms.CharField(max_length=200, help_text="The holder reads it in the statement.")
    due_at = forms.DateTimeField(
        required=False, label="Counts from", widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    reason = reason_field()


class Book(Deed):
    name, label, icon, variant = "book", "Book", "add_card", ActionVariant.PRIMARY
    permission = "ledger.grant_value"
    form_class = BookForm

    def offered(self, request: HttpRequest, row: LedgerAccount) -> bool:
        """Points are granted instead, with an end or none."""
        return row.kind == LedgerAccount.Kind.CASH and row.state != LedgerAccount.State.CLOSED

    def form(self, request: HttpRequest, row: LedgerAccount) -> DeskForm:
        form = super().form(request, row)
        form.fields["amount"].help_text = f"In {row.asset.code}."
        form.fields["due_at"].help_text = f"In {row.site.time_zone}. Empty: at once."
        return form

    def explain(self, request: HttpRequest, row: LedgerAccount) -> str:
        return f"On {whose(row)}. From a later date on, the account is asked then whether it permits it."

    def say(self, refusal: Refusal) -> str:
        return SAID.get(type(refusal), super().say(refusal))

    def perform(self, request: HttpRequest, row: LedgerAccount, form: BookForm) -> str:
        data = form.cleaned_data
        amount = read_amount(row.asset, data["amount"], "amount")
        try:
            booked = cash_accounts.perform(
                row,
                data["type"],
                amount,
                comment=data["comment"],
                actor_id=actor_id(request),
                internal_comment=data["reason"],
                due_at=on_site(data["due_at"], row.site),
                reference=f"desk {form.key}",  # A form sent twice finds what it did the first time.
            )
        except ValueError as error:
            raise ValidationError({"amount": [str(error)]}) from error
        if isinstance(booked, SuspendedBooking):
            return f"{money(row.asset, booked.amount)} will count from {instant(booked.due_at, row.site.time_zone)} on."
        return f"{money(row.asset, amount)} booked: {booked.get_type_display().lower()}."


class ChangeForm(DeskForm):
    state = forms.ChoiceField(choices=LedgerAccount.State.choices)
    floor = amount_field(label="Minimum balance")
    reason = reason_field()


class ChangeAccount(Deed):
    name, label, icon = "change-account", "Change", "tune"
    permission = "ledger.grant_value"
    form_class = ChangeForm

    def offered(self, request: HttpRequest, row: LedgerAccount) -> bool:
        return row.owner_id is not None

    def form(self, request: HttpRequest, row: LedgerAccount) -> DeskForm:
        form = super().form(request, row)
        if row.kind == LedgerAccount.Kind.POINTS:  # They have none: all of them can be used, and expire.
            del form.fields["floor"]
            return form
        form.fields["floor"].help_text = f"In {row.asset.code}. No booking may leave less; -50 lets it go below zero."
        return form

    def initial(self, request: HttpRequest, row: LedgerAccount) -> dict[str, Any]:
        return {"state": row.state, "floor": f"{row.asset.major(row.floor):.{row.asset.exponent}f}"}

    def explain(self, request: HttpRequest, row: LedgerAccount) -> str:
        return "A closed account takes no booking, a suspended one that comes due among them. It can be opened again."

    def perform(self, request: HttpRequest, row: LedgerAccount, form: ChangeForm) -> str:
        data = form.cleaned_data
        try:
            floor = limit(row.asset, data["floor"]) if "floor" in data else None
        except ValidationError as error:
            raise ValidationError({"floor": error.messages}) from error
        changed = cash_accounts.change_account(
            row, state=data["state"], floor=floor, actor_id=actor_id(request), reason=data["reason"]
        )
        return f"The account is: {changed.get_state_display().lower()}, minimum {money(changed.asset, changed.floor)}."


class OpenForm(DeskForm):
    asset = forms.ModelChoiceField(
        Asset.objects.filter(kind=Asset.Kind.MONEY), label="Currency", empty_label=None, help_text="It never changes."
    )
    floor = amount_field(label="Minimum balance", initial="0", help_text="-50 lets it go below zero.")
    reason = reason_field()


class OpenAccount(Deed):
    name, label, icon = "open-account", "Open cash account", "account_balance_wallet"
    permission = "ledger.grant_value"
    form_class = OpenForm

    def offered(self, request: HttpRequest, row: User) -> bool:
        kind = LedgerAccount.Kind.CASH
        return row.site_id is not None and not row.is_staff and not row.ledger_accounts.filter(kind=kind).exists()

    def initial(self, request: HttpRequest, row: User) -> dict[str, Any]:
        code = row.site.default_asset_code if row.site else ""
        default = Asset.objects.filter(code=code, kind=Asset.Kind.MONEY).first()
        return {"asset": default.pk if default else None}

    def explain(self, request: HttpRequest, row: User) -> str:
        return f"For {row}. Codes that credit money need one."

    def perform(self, request: HttpRequest, row: User, form: OpenForm) -> HttpResponse:
        data = form.cleaned_data
        try:
            floor = limit(data["asset"], data["floor"])
        except ValidationError as error:
            raise ValidationError({"floor": error.messages}) from error
        try:
            account = cash_accounts.open_cash_account(
                row, data["asset"], floor=floor, actor_id=actor_id(request), reason=data["reason"]
            )
        except cash_accounts.AccountExists as error:
            raise ValidationError("They have a cash account already.") from error
        self.model_admin.message_user(request, "The account was opened.", "success")
        return HttpResponseRedirect(reverse("admin:ledger_ledgeraccount_change", args=[account.pk]))


def read_amount(asset: Asset, text: str, name: str) -> int:
    """Raises ValidationError at the field of that name."""
    try:
        return minor_units(asset, text)
    except ValidationError as error:
        raise ValidationError({name: error.messages}) from error


def on_site(typed: dt.datetime | None, site: Site, name: str = "due_at") -> dt.datetime | None:
    """What was typed in the field of that name, on the clocks of the site. Raises ValidationError for what has passed."""
    if typed is None:
        return None
    try:
        read = typed.replace(tzinfo=ZoneInfo(site.time_zone)).astimezone(dt.UTC)
    except OverflowError as error:
        raise ValidationError({name: ["Write a day that calendars have."]}) from error
    if read <= clock.read():
        instead = "Leave it empty to book at once." if name == "due_at" else "Nothing was changed."
        raise ValidationError({name: [f"That moment has passed. {instead}"]})
    return read
