"""API clients: made here with a key that is shown once, and ended here."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts import client_keys, clock
from accounts.admin.client_types import ChangeTypes
from accounts.admin.deeds import Deed, DeskForm, SiteField
from accounts.admin.desk import DeskAdmin
from accounts.admin.scope import SiteFilter, actor_id
from accounts.admin.till_keys import AddBareKey, AddTillPair, RemoveTillKey, key_rows
from accounts.admin.wording import instant
from accounts.models import Client, IdentifierType, User


class NewClientForm(DeskForm):
    site = SiteField()
    name = forms.CharField(max_length=100, help_text="What the program is called: lists and receipts show it.")
    scopes = forms.MultipleChoiceField(
        choices=Client.Scope.choices,
        widget=forms.CheckboxSelectMultiple,
        label="May",
        help_text="No more than it needs.",
    )
    expires_at = forms.DateTimeField(
        required=False,
        label="Ends",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="In UTC. Empty: never.",
    )
    acts_as = forms.CharField(
        required=False,
        label="Only for these claimants",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Claimant IDs, one a line. Empty: every claimant of the site.",
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        site, wanted = data.get("site"), [line.strip() for line in data.get("acts_as", "").splitlines() if line.strip()]
        users = list(User.objects.filter(site=site, claimant_id__in=wanted)) if site and wanted else []
        unknown = sorted(set(wanted) - {user.claimant_id for user in users})
        if site and unknown:
            self.add_error("acts_as", f"No claimant of this site has the ID {', '.join(unknown[:5])}.")
        if data.get("expires_at") and data["expires_at"] <= clock.read():
            self.add_error("expires_at", "That moment has passed.")
        data["users"] = users
        return data


class CreateClient(Deed):
    name, label, icon, variant = "create", "New API key", "key", ActionVariant.PRIMARY
    permission = "accounts.add_client"
    form_class = NewClientForm

    def explain(self, request: HttpRequest, row: Any) -> str:
        return "The key is shown once, on the next page. Only a keyed digest of it is kept."

    def perform(self, request: HttpRequest, row: Any, form: NewClientForm) -> HttpResponse:
        data = form.cleaned_data
        try:
            new = client_keys.create_client(
                data["site"],
                data["name"],
                data["scopes"],
                actor_id=actor_id(request),
                expires_at=data["expires_at"],
                acts_as=data["users"],
            )
        except ValueError as error:
            raise ValidationError(str(error)) from error
        context = {
            "title": f"The key of {new.client.name}",
            "secret": new.key,
            "what": "Send it as “Authorization: Bearer …”. This page is the only place that ever shows it.",
        }
        return self.render(request, new.client, context, "admin/shown_once.html")


class RevokeClient(Deed):
    name, label, icon, variant = "revoke", "Revoke", "key_off", ActionVariant.DANGER
    permission = "accounts.revoke_client"

    def offered(self, request: HttpRequest, row: Client) -> bool:
        return row.revoked_at is None

    def explain(self, request: HttpRequest, row: Client) -> str:
        return f"{row} ends for good within five seconds. It cannot be brought back; a new key can be made."

    def perform(self, request: HttpRequest, row: Client, form: DeskForm) -> str:
        client_keys.revoke(row, actor_id=actor_id(request))
        return f"{row.name} was revoked."


@admin.register(Client)
class ClientAdmin(DeskAdmin):
    deeds = (AddTillPair, AddBareKey, RemoveTillKey, RevokeClient, ChangeTypes)
    list_deeds = (CreateClient,)
    never_read = ("secret_hash",)
    list_display = ("name", "prefix", "site", "may", "state", "last_used")
    list_filter = (SiteFilter,)
    list_select_related = ("site",)
    detail_select_related = ("site",)
    fields = ("name", "prefix", "site", "may", "claimants", "state", "ends", "created", "last_used")
    readonly_fields = ("may", "claimants", "state", "ends", "created", "last_used")
    change_form_outer_after_template = "admin/people/client.html"

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Client]":
        return super().get_queryset(request).annotate(ended=Q(expires_at__lte=clock.read()))

    def detail_context(self, request: HttpRequest, row: Client) -> dict[str, Any]:
        spends_points = Client.Scope.POINTS in row.scopes
        return {
            "tills": key_rows(row),
            "reports": Client.Scope.ADVISE in row.scopes,
            "spends_points": spends_points,
            "types": [IdentifierType(each).label for each in row.identifier_types] if spends_points else [],
            "tokens": row.access_tokens.filter(expires_at__gt=clock.read()).count() if spends_points else 0,
        }

    @admin.display(description="may")
    def may(self, row: Client) -> str:
        return ", ".join(row.scopes) or "nothing"

    @admin.display(description="acts for")
    def claimants(self, row: Client) -> str:
        if not hasattr(row, "_acts_for"):  # Unfold asks for a field several times while it draws it.
            row._acts_for = list(row.acts_as.order_by("claimant_id").values_list("claimant_id", flat=True)[:51])  # type: ignore[attr-defined]
        ids: list[str] = row._acts_for  # type: ignore[attr-defined]
        if not ids:
            return "every claimant of the site"
        return ", ".join(ids[:50]) + (" and more" if len(ids) > 50 else "")

    @display(description="state", label={"active": "success", "ended": "warning", "revoked": "danger"})
    def state(self, row: Client) -> str:
        if row.revoked_at:
            return "revoked"
        return "ended" if row.ended else "active"  # type: ignore[attr-defined]

    @admin.display(description="ends")
    def ends(self, row: Client) -> str:
        return instant(row.revoked_at or row.expires_at)

    @admin.display(description="created")
    def created(self, row: Client) -> str:
        return instant(row.created_at)

    @admin.display(description="last used")
    def last_used(self, row: Client) -> str:
        return instant(row.last_used_at)
