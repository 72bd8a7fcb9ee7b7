"""Licences: given and ended by hand here, and found by holder, item or number."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import DateTimeField, Q, QuerySet, Value
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts import clock, giving
from accounts.admin.content_forms import claimant_named, item_named, offer_named, sets_named
from accounts.admin.deeds import Deed, ReasonForm, SiteField
from accounts.admin.desk import DeskAdmin
from accounts.admin.of_row import OfRowFilter
from accounts.admin.offers import lasting
from accounts.admin.scope import SiteFilter, actor_id, site_ids_where, staff_of
from accounts.admin.wording import NOTHING, address_link, instant, licence_state, link
from accounts.models import Item, Licence, User

STATES = {"active": "success", "not yet": "info", "over": "warning", "ended": "danger"}


class GiveForm(ReasonForm):
    site = SiteField()
    offer = forms.CharField(max_length=100, help_text="ID or number. It says on which terms, and which item.")
    claimant = forms.CharField(
        max_length=254, required=False, label="To a claimant", help_text="Claimant ID or e-mail address."
    )
    account_set = forms.CharField(
        max_length=100, required=False, label="Or to an account set", help_text="Its name. Whoever is in it has it."
    )
    item = forms.CharField(
        max_length=100, required=False, label="On another item", help_text="Its ID. Empty: on what the offer sells."
    )
    field_order = ("site", "offer", "claimant", "account_set", "item", "reason")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if bool(data.get("claimant")) == bool(data.get("account_set")) and not self.errors:
            self.add_error("claimant", "Name a claimant or an account set, and not both.")
        return data


class GiveLicence(Deed):
    name, label, icon, variant = "give", "Give a licence", "add", ActionVariant.PRIMARY
    permission = "accounts.give_licence"
    form_class = GiveForm

    def explain(self, request: HttpRequest, row: Any) -> str:
        return "It starts now, on the terms that the offer has at this moment."

    def initial(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        names = ("site", "offer", "claimant", "account_set", "item")
        return {name: request.GET[name][:254] for name in names if name in request.GET}

    def perform(self, request: HttpRequest, row: Any, form: GiveForm) -> HttpResponse:
        data = form.cleaned_data
        site = data["site"]
        holder = (
            claimant_named(site, data["claimant"].strip())
            if data["claimant"]
            else sets_named(site.pk, [data["account_set"]], "account_set")[0]
        )
        licence = giving.give_by_hand(
            offer_named(site, data["offer"]),
            holder,
            item=item_named(site, data["item"]) if data["item"] else None,
            actor_id=actor_id(request),
            reason=data["reason"],
            form_key=UUID(form.key),
        )
        self.model_admin.message_user(request, f"{holder} has the licence.", "success")
        return HttpResponseRedirect(reverse("admin:accounts_licence_change", args=[licence.pk]))


class EndLicence(Deed):
    name, label, icon, variant = "end", "End", "block", ActionVariant.DANGER
    permission = "accounts.end_licence"
    form_class = ReasonForm

    def offered(self, request: HttpRequest, row: Licence) -> bool:
        return row.ended_at is None

    def explain(self, request: HttpRequest, row: Licence) -> str:
        return "It opens nothing from this moment on, for good. A new one can be given."

    def perform(self, request: HttpRequest, row: Licence, form: ReasonForm) -> str:
        giving.end_licence(row, actor_id=actor_id(request), reason=form.cleaned_data["reason"])
        return f"Licence {row.pk} has ended."


class ItemFilter(OfRowFilter):
    title, parameter_name, field = "item", "item", "item_id"


class OfferFilter(OfRowFilter):
    title, parameter_name, field = "offer", "offer", "offer_id"


class HolderFilter(OfRowFilter):
    title, parameter_name, field = "claimant", "claimant", "user_id"


class SetFilter(OfRowFilter):
    title, parameter_name, field = "account set", "account_set", "account_set_id"


@admin.register(Licence)
class LicenceAdmin(DeskAdmin):
    list_deeds = (GiveLicence,)
    deeds = (EndLicence,)
    list_display = ("number", "holder", "item_shown", "state", "starts", "ends", "site")
    list_filter = (SiteFilter, ItemFilter, OfferFilter, HolderFilter, SetFilter)
    list_select_related = ("site", "user", "account_set", "item")
    list_defer = ("excluded_views",)
    detail_select_related = ("site", "user", "account_set", "browser", "item", "offer")
    search_fields = ("id",)
    search_help_text = "Number, whole claimant ID or e-mail, or whole ID of an item"
    readonly_fields = (
        "number", "holder", "item_shown", "offer_shown", "state", "starts", "ends",
        "lasts", "at_once", "only_for", "without", "given", "ended",
    )  # fmt: skip
    fields = (*readonly_fields[:4], "site", *readonly_fields[4:])

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Licence]":
        return super().get_queryset(request).annotate(now=Value(clock.read(), output_field=DateTimeField()))

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Licence]", search_term: str
    ) -> tuple[Any, bool]:
        """Each kind of term by an index of its own, however many licences there are."""
        term = search_term.strip()
        if not term:
            return queryset, False
        sites = site_ids_where(staff_of(request), "accounts.view_licence")
        people = User.objects.filter(site__in=sites).filter(Q(claimant_id=term) | Q(email=term.lower()))
        if users := list(people.values_list("pk", flat=True)):
            return queryset.filter(user__in=users), False
        items = Item.objects.filter(site__in=sites, external_id=term)
        if ids := list(items.values_list("pk", flat=True)):
            return queryset.filter(item__in=ids), False
        if term.isdecimal() and len(term) < 19:
            return queryset.filter(pk=int(term)), False
        return queryset.none(), False

    @admin.display(description="number")
    def number(self, row: Licence) -> str:
        return str(row.pk)

    @admin.display(description="holder")
    def holder(self, row: Licence) -> str | SafeString:
        if row.user_id is None and row.account_set_id is None:
            return "a browser"
        return link(row.user or row.account_set)

    @admin.display(description="item")
    def item_shown(self, row: Licence) -> str | SafeString:
        return link(row.item)

    @admin.display(description="offer")
    def offer_shown(self, row: Licence) -> str | SafeString:
        return link(row.offer)

    @display(description="state", label=STATES)
    def state(self, row: Licence) -> str:
        return licence_state(row, row.now)  # type: ignore[attr-defined]

    @admin.display(description="starts")
    def starts(self, row: Licence) -> str:
        return instant(row.starts_at)

    @admin.display(description="ends")
    def ends(self, row: Licence) -> str:
        return instant(row.ends_at) if row.ends_at else "never"

    @admin.display(description="lasts")
    def lasts(self, row: Licence) -> str:
        return lasting(row)

    @admin.display(description="at the same time")
    def at_once(self, row: Licence) -> str:
        return str(row.concurrencies or "any number")

    @admin.display(description="only for")
    def only_for(self, row: Licence) -> str:
        return row.meta_type_restriction or "any meta-type"

    @admin.display(description="views left out")
    def without(self, row: Licence) -> str:
        return ", ".join(row.excluded_views) or "none"

    @admin.display(description="given by")
    def given(self, row: Licence) -> str | SafeString:
        if row.form_key is not None:
            return "staff; the audit knows who"
        return address_link("codes_attempt", row.given_by, "a redemption") if row.given_by else NOTHING

    @admin.display(description="ended")
    def ended(self, row: Licence) -> str:
        return f"{instant(row.ended_at)} by {row.ended_by}" if row.ended_at else NOTHING
