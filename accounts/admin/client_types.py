"""By what an API client may start loyalty sessions."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from accounts import client_keys
from accounts.admin.deeds import Deed, ReasonForm
from accounts.admin.scope import actor_id
from accounts.models import Client, IdentifierType


class TypesForm(ReasonForm):
    types = forms.MultipleChoiceField(
        choices=IdentifierType.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="May start sessions by",
        help_text="Most programs need account ID and loyalty ID alone.",
    )
    field_order = ("types", "reason")


class ChangeTypes(Deed):
    name, label, icon, submit = "identifier-types", "Identifier types", "badge", "Save"
    permission = "accounts.add_client"
    form_class = TypesForm

    def offered(self, request: HttpRequest, row: Client) -> bool:
        return row.revoked_at is None and Client.Scope.POINTS in row.scopes

    def explain(self, request: HttpRequest, row: Client) -> str:
        return "How the program may name members of the loyalty programme (X-Identifier-Type). It counts within five seconds."

    def initial(self, request: HttpRequest, row: Client) -> dict[str, Any]:
        return {"types": row.identifier_types}

    def perform(self, request: HttpRequest, row: Client, form: TypesForm) -> str:
        data = form.cleaned_data
        try:
            changed = client_keys.change_identifier_types(
                row, data["types"], actor_id=actor_id(request), reason=data["reason"]
            )
        except ValueError as error:
            raise ValidationError({"types": [str(error)]}) from error
        return f"{row.name} was changed." if changed else "Nothing was different."
