"""Offers: what is sold, on which terms, and for how much to whom."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts import selling
from accounts.admin.content_forms import LinesField, item_named, prices_text, read_prices
from accounts.admin.deeds import Deed, DeskForm, ReasonForm, SiteField
from accounts.admin.desk import DeskAdmin
from accounts.admin.of_row import OfRowFilter
from accounts.admin.scope import SiteFilter, actor_id
from accounts.admin.wording import instant, link
from accounts.models import LicenceTerms, Offer
from accounts.pricing import written

PRICES_SHOWN = 100


class OfferForm(DeskForm):
    name = forms.CharField(max_length=200, help_text="What lists call it.")
    duration_days = forms.IntegerField(
        required=False, min_value=1, max_value=selling.MOST_DAYS, label="Lasts, in days", help_text="Empty: for ever."
    )
    concurrencies = forms.IntegerField(
        required=False, min_value=1, max_value=2**31 - 1, label="At the same time", help_text="Empty: any number."
    )
    meta_type_restriction = forms.CharField(
        required=False, max_length=100, label="Only for", help_text="A meta-type such as Book. Empty: for any."
    )
    excluded_views = LinesField(
        required=False, rows=2, label="Views left out", help_text="One a line, such as sourceDownload."
    )
    prices = LinesField(
        required=False,
        rows=4,
        help_text="One a line: 12.50 EUR for everybody, 9.90 EUR Members for an account set. The lowest counts.",
    )
    sections = {
        "Terms": ("duration_days", "concurrencies", "meta_type_restriction", "excluded_views"),
        "Prices": ("prices",),
    }


class NewOfferForm(OfferForm):
    site = SiteField()
    item = forms.CharField(max_length=100, label="Item", help_text="ID of what it sells.")
    external_id = forms.CharField(max_length=100, label="ID", help_text="How codes and programs name it; it stays.")
    number = forms.IntegerField(
        required=False, min_value=1, max_value=selling.MOST_NUMBER, help_text="Empty: the site's next one."
    )
    field_order = ("site", "item", "external_id", "number", "name")


def fields_of(site_id: int, data: dict[str, Any]) -> selling.OfferFields:
    terms = {term: data[term] for term in LicenceTerms.TERMS}
    return selling.OfferFields(name=data["name"], prices=read_prices(site_id, data["prices"]), **terms)


class CreateOffer(Deed):
    name, label, icon, variant = "create", "New offer", "add_shopping_cart", ActionVariant.PRIMARY
    permission = "accounts.edit_offer"
    form_class = NewOfferForm

    def initial(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {name: request.GET[name] for name in ("site", "item") if name in request.GET}

    def perform(self, request: HttpRequest, row: Any, form: NewOfferForm) -> HttpResponse:
        data = form.cleaned_data
        site = data["site"]
        offer = selling.create_offer(
            site,
            data["external_id"],
            item_named(site, data["item"]),
            fields_of(site.pk, data),
            number=data["number"],
            actor_id=actor_id(request),
        )
        self.model_admin.message_user(request, f"{offer.name} was made, with number {offer.number}.", "success")
        return HttpResponseRedirect(reverse("admin:accounts_offer_change", args=[offer.pk]))


class ChangeOffer(Deed):
    name, label, icon = "edit", "Change", "edit"
    submit = "Save"
    permission = "accounts.edit_offer"
    form_class = OfferForm

    def offered(self, request: HttpRequest, row: Offer) -> bool:
        return row.archived_at is None

    def explain(self, request: HttpRequest, row: Offer) -> str:
        return "For licences from now on: those that were given keep the terms they were given with."

    def initial(self, request: HttpRequest, row: Offer) -> dict[str, Any]:
        terms = {term: getattr(row, term) for term in LicenceTerms.TERMS}
        return {
            **terms,
            "name": row.name,
            "excluded_views": "\n".join(row.excluded_views),
            "prices": prices_text(row),
        }

    def perform(self, request: HttpRequest, row: Offer, form: OfferForm) -> str:
        selling.change_offer(row, fields_of(row.site_id, form.cleaned_data), actor_id=actor_id(request))
        return f"{form.cleaned_data['name']} was changed."


class ArchiveOffer(Deed):
    name, label, icon, variant = "archive", "Archive", "archive", ActionVariant.DANGER
    permission = "accounts.edit_offer"
    form_class = ReasonForm

    def offered(self, request: HttpRequest, row: Offer) -> bool:
        return row.archived_at is None

    def explain(self, request: HttpRequest, row: Offer) -> str:
        return "No code gives it any more, for good. Licences from it stay as they are."

    def perform(self, request: HttpRequest, row: Offer, form: ReasonForm) -> str:
        selling.archive_offer(row, actor_id=actor_id(request), reason=form.cleaned_data["reason"])
        return f"{row.name} is archived."


class OfferItemFilter(OfRowFilter):
    title, parameter_name, field = "item", "item", "item_id"


@admin.register(Offer)
class OfferAdmin(DeskAdmin):
    list_deeds = (CreateOffer,)
    deeds = (ChangeOffer, ArchiveOffer)
    list_display = ("name", "identifier", "number", "item_shown", "lasts", "state", "site")
    list_filter = (SiteFilter, OfferItemFilter)
    list_select_related = ("site", "item")
    detail_select_related = ("site", "item")
    search_fields = ("external_id",)
    search_help_text = "Its number, or the beginning of its ID"
    readonly_fields = (
        "identifier",
        "number",
        "site",
        "item_shown",
        "state",
        "lasts",
        "at_once",
        "only_for",
        "without",
        "created",
    )
    fields = ("name", *readonly_fields)
    change_form_outer_after_template = "admin/content/offer.html"

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        found = Q(external_id__startswith=term)
        if term.isdecimal() and len(term) < 17:
            found |= Q(number=int(term))
        return queryset.filter(found), False

    def detail_context(self, request: HttpRequest, row: Offer) -> dict[str, Any]:
        return {
            "prices": [
                (price.account_set.name if price.account_set else "everybody", written(price.amount, price.currency))
                for price in selling.prices_of(row)[:PRICES_SHOWN]
            ]
        }

    @admin.display(description="ID")
    def identifier(self, row: Offer) -> str:
        return row.external_id

    @admin.display(description="item")
    def item_shown(self, row: Offer) -> str | SafeString:
        return link(row.item)

    @display(description="state", label={"on offer": "success", "archived": "danger"})
    def state(self, row: Offer) -> str:
        return "archived" if row.archived_at else "on offer"

    @admin.display(description="lasts")
    def lasts(self, row: Offer) -> str:
        return lasting(row)

    @admin.display(description="at the same time")
    def at_once(self, row: Offer) -> str:
        return str(row.concurrencies or "any number")

    @admin.display(description="only for")
    def only_for(self, row: Offer) -> str:
        return row.meta_type_restriction or "any meta-type"

    @admin.display(description="views left out")
    def without(self, row: Offer) -> str:
        return ", ".join(row.excluded_views) or "none"

    @admin.display(description="created")
    def created(self, row: Offer) -> str:
        return instant(row.created_at)


def lasting(terms: LicenceTerms) -> str:
    days = terms.duration_days
    return "for ever" if days is None else f"{days:,} day{'' if days == 1 else 's'}"
