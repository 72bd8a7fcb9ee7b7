"""What tills sign their requests with, on the page of the API client that they act as: added, shown once, removed."""

import base64
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from unfold.enums import ActionVariant

from accounts import till_keys
from accounts.admin.deeds import Deed, DeskForm
from accounts.admin.scope import actor_id
from accounts.admin.wording import instant
from accounts.models import Client, TillKey

HEADER = "x-vmob-authorization"
SHOWN_ONCE = f"Tills send it in the header {HEADER}. This page is the only place that ever shows it."


class TillPairForm(DeskForm):
    name = forms.CharField(
        max_length=till_keys.LONGEST_NAME, strip=False, help_text="The client ID that the till is set up with."
    )
    secret = forms.CharField(
        max_length=till_keys.LONGEST_SECRET,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    no_secret = forms.BooleanField(
        required=False, label="It has no secret", help_text="Then whoever knows its name can report as this client."
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        # Said on purpose: a secret that was forgotten here would leave the till open to everybody.
        if bool(data.get("secret")) == bool(data.get("no_secret")):
            self.add_error("secret", "Either write the secret, or say that it has none.")
        return data


class OfActiveClient(Deed):
    permission = "accounts.add_client"

    def offered(self, request: HttpRequest, row: Client) -> bool:
        return row.revoked_at is None and Client.Scope.ADVISE in row.scopes


class AddTillPair(OfActiveClient):
    name, label, icon = "add-till", "Add a till", "point_of_sale"
    form_class = TillPairForm

    def explain(self, request: HttpRequest, row: Client) -> str:
        return f"Whoever signs with this name and secret reports redemptions as {row.name}."

    def perform(self, request: HttpRequest, row: Client, form: TillPairForm) -> HttpResponse:
        name, secret = form.cleaned_data["name"], form.cleaned_data["secret"]
        till_keys.add_pair(row, name, secret, actor_id=actor_id(request))
        context = {
            "title": f"What {name} sends",
            "secret": base64.b64encode(f"{name}:{secret}".encode()).decode(),
            "what": SHOWN_ONCE,
        }
        return self.render(request, row, context, "admin/shown_once.html")


class BareKeyForm(DeskForm):
    bare_key = forms.CharField(
        label="Key",
        required=False,
        strip=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="The key that the tills have already, 16 to 200 characters. Empty: a fresh one is made.",
    )


class AddBareKey(OfActiveClient):
    name, label, icon = "add-till-key", "Add a bare key", "vpn_key"
    form_class = BareKeyForm

    def explain(self, request: HttpRequest, row: Client) -> str:
        return (
            f"For tills that sign with one key instead of a name and a secret. They report redemptions as {row.name}."
        )

    def perform(self, request: HttpRequest, row: Client, form: BareKeyForm) -> HttpResponse:
        new = till_keys.add_bare_key(row, form.cleaned_data["bare_key"] or None, actor_id=actor_id(request))
        context = {"title": f"A key of {row.name}", "secret": new.key, "what": SHOWN_ONCE}
        return self.render(request, row, context, "admin/shown_once.html")


class TillKeyField(forms.ModelChoiceField):
    def label_from_instance(self, row: TillKey) -> str:
        return f"{row}, added {instant(row.created_at)}"


class RemoveForm(DeskForm):
    till_key = TillKeyField(queryset=TillKey.objects.none(), label="Till", empty_label=None)


class RemoveTillKey(Deed):
    name, label, icon, variant = "remove-till", "Remove a till", "key_off", ActionVariant.DANGER
    permission = "accounts.revoke_client"
    form_class = RemoveForm

    def offered(self, request: HttpRequest, row: Client) -> bool:
        return row.till_keys.exists()

    def explain(self, request: HttpRequest, row: Client) -> str:
        return "What it sends is refused within five seconds. What it has reported stays, and is judged."

    def form(self, request: HttpRequest, row: Client) -> DeskForm:
        form = super().form(request, row)
        form.fields["till_key"].queryset = keys_of(row)  # type: ignore[attr-defined]
        return form

    def perform(self, request: HttpRequest, row: Client, form: RemoveForm) -> str:
        chosen = form.cleaned_data["till_key"]
        told = str(chosen)
        if not till_keys.remove(chosen, actor_id=actor_id(request)):
            raise ValidationError("It has been removed meanwhile.")
        return f"{told} was removed."


def keys_of(client: Client) -> Any:
    """Without their digests."""
    return client.till_keys.defer("secret_hash", "key_digest").order_by("pk")


def key_rows(client: Client) -> list[dict[str, str]]:
    """The tills of a client, for its page."""
    return [
        {
            "name": str(row),
            "form": "name and secret" if row.name else "bare key",
            "created": instant(row.created_at),
        }
        for row in keys_of(client)[:200]
    ]
