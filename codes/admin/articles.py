"""Articles: what a site sells, for how much, and whether each unit is a prepaid code."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts.admin.content_forms import LinesField
from accounts.admin.deeds import DeskForm, SiteField
from accounts.admin.desk import DeskAdmin
from accounts.admin.scope import SiteFilter, actor_id
from accounts.admin.wording import instant, link
from codes import articles
from codes.admin.deed import CodesDeed
from codes.articles import ArticleFields
from codes.models import Article
from codes.models.articles import IS_VOUCHER, VOUCHER
from ledger.admin.money import money
from ledger.models import Asset

EDIT = "codes.edit_article"


class PropertiesField(LinesField):
    """``number: value`` a line, each number once."""

    def clean(self, value: Any) -> Any:
        found: dict[int, str] = {}
        for line in super().clean(value):
            number, colon, text = (part.strip() for part in line.partition(":"))
            if not (number.isascii() and number.isdecimal() and len(number) < 11 and colon and text):
                raise ValidationError(f"“{line[:80]}”: write the number of a characteristic, a colon and a value.")
            if int(number) in found:
                raise ValidationError(f"Characteristic {number} is named twice.")
            if int(number) == VOUCHER:
                raise ValidationError(f"Characteristic {VOUCHER} is the switch above.")
            found[int(number)] = text
        return found


class ArticleForm(DeskForm):
    name = forms.CharField(max_length=100, strip=False)
    price = forms.CharField(
        max_length=30,
        help_text="Of one unit, such as 25.00. Orders that were placed keep the price they had.",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    voucher = forms.BooleanField(
        required=False,
        label="Each unit is a prepaid code worth the price",
        help_text="The codes are made when an item of an order enters a status that generates them: one a unit, once.",
    )
    is_active = forms.BooleanField(required=False, initial=True, label="It can be ordered")
    properties = PropertiesField(
        required=False,
        rows=3,
        label="Other properties",
        help_text="One a line: the number of a characteristic, a colon and its value.",
    )


class NewArticleForm(ArticleForm):
    site = SiteField()
    number = forms.IntegerField(
        required=False, min_value=1, max_value=articles.MOST_NUMBER, help_text="Empty: the site's next one. It stays."
    )
    currency = forms.ModelChoiceField(Asset.objects.filter(kind=Asset.Kind.MONEY), empty_label=None)
    field_order = ("site", "number", "name", "currency", "price")


def fields_from(data: dict[str, Any], asset: Asset, voucher_before: str = "") -> ArticleFields:
    """What the form says. Raises ValidationError."""
    try:
        price = asset.minor(data["price"].strip())
    except ValidationError as error:
        raise ValidationError({"price": error.messages}) from error
    properties = dict(data["properties"])
    if data["voucher"]:
        properties[VOUCHER] = IS_VOUCHER
    elif voucher_before not in ("", IS_VOUCHER):
        properties[VOUCHER] = voucher_before  # Another value, which a program gave it, is none of the switch's.
    return ArticleFields(name=data["name"], price=price, is_active=data["is_active"], properties=properties)


class CreateArticle(CodesDeed):
    name, label, icon, variant = "create", "New article", "add", ActionVariant.PRIMARY
    permission = EDIT
    form_class = NewArticleForm

    def perform(self, request: HttpRequest, row: Any, form: NewArticleForm) -> HttpResponse:
        data = form.cleaned_data
        fields = fields_from(data, data["currency"])
        made = articles.create_article(
            data["site"], data["currency"], fields, number=data["number"], actor_id=actor_id(request)
        )
        self.model_admin.message_user(request, f"{made.name} was added, with number {made.number}.", "success")
        return HttpResponseRedirect(reverse("admin:codes_article_change", args=[made.pk]))


class ChangeArticle(CodesDeed):
    name, label, icon, submit = "edit", "Change", "edit", "Save"
    permission = EDIT
    form_class = ArticleForm

    def explain(self, request: HttpRequest, row: Article) -> str:
        return "For what is ordered from now on: orders that were placed keep the name and price they had."

    def initial(self, request: HttpRequest, row: Article) -> dict[str, Any]:
        fields = articles.fields_of(row)
        other = (f"{number}: {value}" for number, value in fields.properties.items() if number != VOUCHER)
        return {
            "name": row.name,
            "price": str(row.asset.major(row.price)),
            "voucher": fields.properties.get(VOUCHER) == IS_VOUCHER,
            "is_active": row.is_active,
            "properties": "\n".join(other),
        }

    def perform(self, request: HttpRequest, row: Article, form: ArticleForm) -> str:
        before = articles.fields_of(row).properties.get(VOUCHER, "")
        fields = fields_from(form.cleaned_data, row.asset, before)
        articles.change_article(row, fields, actor_id=actor_id(request))
        return f"{fields.name} was changed."


@admin.register(Article)
class ArticleAdmin(DeskAdmin):
    list_deeds = (CreateArticle,)
    deeds = (ChangeArticle,)
    list_display = ("number", "name", "price_shown", "kind", "state", "site")
    list_filter = (SiteFilter, "is_active")
    list_select_related = ("site", "asset")
    detail_select_related = ("site", "asset", "batch")
    search_fields = ("name",)
    search_help_text = "Its number, or the beginning of its name"
    fields = ("number", "name", "site", "price_shown", "kind", "state", "codes_in", "created")
    readonly_fields = ("price_shown", "kind", "state", "codes_in", "created")
    change_form_outer_after_template = "admin/codes/article.html"

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Article]":
        return super().get_queryset(request).prefetch_related("properties__characteristic")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        found = Q(name__istartswith=term)
        if term.isascii() and term.isdecimal() and len(term) < 17:
            found |= Q(number=int(term))
        return queryset.filter(found), False

    def detail_context(self, request: HttpRequest, row: Article) -> dict[str, Any]:
        return {"properties": [(each.characteristic, each.value) for each in row.properties.all()]}

    @admin.display(description="price")
    def price_shown(self, row: Article) -> str:
        return money(row.asset, row.price)

    @display(description="kind", label={"prepaid code": "info"})
    def kind(self, row: Article) -> str:
        return "prepaid code" if row.is_voucher else "ordinary"

    @display(description="state", label={"on sale": "success", "not on sale": "danger"})
    def state(self, row: Article) -> str:
        return "on sale" if row.is_active else "not on sale"

    @admin.display(description="its codes are in")
    def codes_in(self, row: Article) -> str | SafeString:
        return link(row.batch)

    @admin.display(description="created")
    def created(self, row: Article) -> str:
        return instant(row.created_at)
