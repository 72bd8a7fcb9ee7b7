"""What can be done to a loyalty member: by what they are known, their card and addresses, suspended and closed."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold.enums import ActionVariant

from accounts import members
from accounts.admin.deeds import Deed, DeskForm, ReasonForm
from accounts.admin.scope import actor_id
from accounts.models import Member, MemberIdentifier
from accounts.models.households import LONGEST_ID

EDIT, SWITCH = "accounts.edit_member", "accounts.switch_member"
Type = MemberIdentifier.Type


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def identifiers_of(data: dict[str, Any]) -> list[tuple[str, str]]:
    return [(kind, value) for kind in Type.values for value in lines(data.get(kind, ""))]


class IdentifiersForm(DeskForm):
    external_id, email, partner_link_id, phone_number, external_agent_id = (
        forms.CharField(
            required=False,
            label=kind.label,
            widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
            help_text="One a line. Compared in lower case." if kind == Type.EMAIL else "One a line. Compared as sent.",
        )
        for kind in Type
    )


class ChangeIdentifiers(Deed):
    name, label, icon, submit = "identifiers", "Change identifiers", "badge", "Save"
    permission = EDIT
    form_class = IdentifiersForm

    def explain(self, request: HttpRequest, row: Member) -> str:
        return "By these, besides their account ID and loyalty ID, sessions find them. One that fits two members finds neither."

    def initial(self, request: HttpRequest, row: Member) -> dict[str, Any]:
        had: dict[str, list[str]] = {}
        for each in row.identifiers.order_by("type", "value"):
            had.setdefault(each.type, []).append(each.value)
        return {kind: "\n".join(values) for kind, values in had.items()}

    def perform(self, request: HttpRequest, row: Member, form: DeskForm) -> str:
        changed = members.set_identifiers(row, identifiers_of(form.cleaned_data), actor_id=actor_id(request))
        return f"The identifiers of {row} were changed." if changed else "Nothing was different."


class AddressBookForm(DeskForm):
    emails = forms.CharField(
        required=False,
        label="Addresses",
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        help_text="One a line: the key, a space, the address. For example: HOME anna@example.com",
    )

    def clean_emails(self) -> dict[str, str]:
        book: dict[str, str] = {}
        for line in lines(self.cleaned_data["emails"]):
            key, _, address = line.rpartition(" ")
            if not key:
                raise ValidationError(f"“{line}” has no key before the address.")
            if key.strip() in book:
                raise ValidationError(f"The key {key.strip()} is there twice.")
            book[key.strip()] = address
        return book


class ChangeAddressBook(Deed):
    name, label, icon, submit = "emails", "E-mail address book", "contact_mail", "Save"
    permission = EDIT
    form_class = AddressBookForm

    def explain(self, request: HttpRequest, row: Member) -> str:
        return "Redemptions that are paid out name an address by its key (fulfillmentEmailKey)."

    def initial(self, request: HttpRequest, row: Member) -> dict[str, Any]:
        return {"emails": "\n".join(f"{each.key} {each.address}" for each in row.emails.order_by("key"))}

    def perform(self, request: HttpRequest, row: Member, form: DeskForm) -> str:
        changed = members.set_emails(row, form.cleaned_data["emails"], actor_id=actor_id(request))
        return f"The address book of {row} was changed." if changed else "Nothing was different."


class CardForm(ReasonForm):
    loyalty_id = forms.CharField(max_length=LONGEST_ID, strip=False, label="Loyalty ID", help_text="Compared as sent.")
    field_order = ("loyalty_id", "reason")


class ChangeCard(Deed):
    name, label, icon, submit = "card", "New card", "credit_card", "Save"
    permission = EDIT
    form_class = CardForm

    def explain(self, request: HttpRequest, row: Member) -> str:
        return f"The old number, {row.loyalty_id}, finds nobody any more."

    def perform(self, request: HttpRequest, row: Member, form: CardForm) -> str:
        data = form.cleaned_data
        changed = members.change_loyalty_id(row, data["loyalty_id"], actor_id=actor_id(request), reason=data["reason"])
        return f"{row} has a new card." if changed else "Nothing was different."


class Suspend(Deed):
    name, label, icon, variant = "suspend", "Suspend", "pause_circle", ActionVariant.DANGER
    permission = SWITCH
    form_class = ReasonForm

    def offered(self, request: HttpRequest, row: Member) -> bool:
        return row.status == Member.Status.ACTIVE

    def explain(self, request: HttpRequest, row: Member) -> str:
        return "They can neither reserve points nor give any for their household. What is reserved already can still be redeemed."

    def perform(self, request: HttpRequest, row: Member, form: ReasonForm) -> str:
        if not members.suspend(row, actor_id=actor_id(request), reason=form.cleaned_data["reason"]):
            raise ValidationError("They are not active any more.")
        return f"{row} is suspended."


class Close(Deed):
    name, label, icon, variant = "close", "Close", "person_off", ActionVariant.DANGER
    permission = SWITCH
    form_class = ReasonForm

    def offered(self, request: HttpRequest, row: Member) -> bool:
        return row.status != Member.Status.CLOSED

    def explain(self, request: HttpRequest, row: Member) -> str:
        left = " They leave their household." if row.household_id else ""
        return f"No call finds them any more, and their sessions can redeem nothing.{left} Their points stay where they are."

    def perform(self, request: HttpRequest, row: Member, form: ReasonForm) -> str:
        if not members.close(row, actor_id=actor_id(request), reason=form.cleaned_data["reason"]):
            raise ValidationError("They have been closed meanwhile.")
        return f"{row} is closed."


class Activate(Deed):
    name, label, icon, variant = "activate", "Make active", "person_check", ActionVariant.PRIMARY
    permission = SWITCH
    form_class = ReasonForm

    def offered(self, request: HttpRequest, row: Member) -> bool:
        return row.status != Member.Status.ACTIVE

    def perform(self, request: HttpRequest, row: Member, form: ReasonForm) -> str:
        if not members.activate(row, actor_id=actor_id(request), reason=form.cleaned_data["reason"]):
            raise ValidationError("They have been made active meanwhile.")
        return f"{row} is active again."
