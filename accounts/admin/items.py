"""Items: books, excerpts and collections; what finds them, who sees them, and who may open them."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from accounts import clock
from accounts.admin.desk import DeskAdmin
from accounts.admin.item_deeds import AddMembers, ChangeItem, CreateItem, RemoveMembers
from accounts.admin.of_row import OfRowFilter
from accounts.admin.paging import COUNTED
from accounts.admin.scope import SiteFilter, sees_one_site, site_ids_where, staff_of
from accounts.admin.wording import instant, link
from accounts.models import CollectionMember, Item, ItemProperty, ItemVisibility, Licence
from accounts.models.content import COLLECTION

SHOWN = 50  # Collections, parts, members and offers on an item's page.
PROPERTIES_SHOWN = 500
KINDS = {"Book": "book", "PageRange": "excerpt", "PdfPage": "page", COLLECTION: "collection"}


class KindFilter(SimpleListFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(meta_type, f"{word.capitalize()}s") for meta_type, word in KINDS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Item]) -> QuerySet[Item]:
        return queryset.filter(meta_type=self.value()) if self.value() else queryset


class CollectionFilter(OfRowFilter):
    title, parameter_name, field = "collection", "collection", "memberships__collection_id"


class PublicationFilter(OfRowFilter):
    title, parameter_name, field = "publication", "publication", "part_of_id"


@admin.register(Item)
class ItemAdmin(DeskAdmin):
    list_deeds = (CreateItem,)
    deeds = (ChangeItem, AddMembers, RemoveMembers)
    list_display = ("title", "identifier", "kind", "seen_by", "site")
    list_filter = (SiteFilter, KindFilter, CollectionFilter, PublicationFilter)
    list_select_related = ("site",)
    detail_select_related = ("site", "part_of")
    search_fields = ("external_id",)
    search_help_text = "Beginning of an ID, or a property: ProductId:09238443"
    fields = ("title", "identifier", "kind", "site", "publication", "created")
    readonly_fields = ("identifier", "kind", "publication", "created")
    change_form_outer_after_template = "admin/content/item.html"

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Item]":
        limited = ItemVisibility.objects.filter(item=OuterRef("pk"))
        return super().get_queryset(request).annotate(limited=Exists(limited))

    def get_sieves(self, request: HttpRequest) -> frozenset[str]:
        """An index gives the items of a kind of one site in the list's order, not of several."""
        one = request.GET.get("site") or sees_one_site(staff_of(request), "accounts.view_item")
        return frozenset() if one else frozenset({"kind"})

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Item]", search_term: str
    ) -> tuple[Any, bool]:
        """By an index, however many items there are: an ID that has a colon is found whole, before it is read as a property."""
        term = search_term.strip()
        if not term:
            return queryset, False
        name, colon, value = term.partition(":")
        if not colon:
            return queryset.filter(external_id__startswith=term), False
        sites = site_ids_where(staff_of(request), "accounts.view_item")
        whole = Item.objects.filter(site__in=sites, external_id=term)
        if ids := list(whole.values_list("pk", flat=True)):
            return queryset.filter(pk__in=ids), False
        having = ItemProperty.objects.filter(site__in=sites, name=name.strip(), value=value.strip())
        return queryset.filter(pk__in=having.values("item_id")), False

    def detail_context(self, request: HttpRequest, row: Item) -> dict[str, Any]:
        collections = Item.objects.filter(members__item=row).order_by("-id")
        parts, offers = row.parts.order_by("-id"), row.offers.order_by("-id")
        members = Item.objects.filter(memberships__collection=row).order_by("-id")
        return {
            "properties": list(row.properties.values_list("name", "value")[:PROPERTIES_SHOWN]),
            "visible_to": [each.account_set for each in row.visibilities.select_related("account_set")],
            "collections": links(collections),
            "parts": links(parts),
            "offers": links(offers),
            "members": links(members) if row.is_collection else None,
            "member_count": counted(CollectionMember.objects.filter(collection=row)) if row.is_collection else "",
            "openers": openers(row),
        }

    @admin.display(description="ID")
    def identifier(self, row: Item) -> str:
        return row.external_id

    @admin.display(description="kind")
    def kind(self, row: Item) -> str:
        return KINDS.get(row.meta_type, row.meta_type)

    @admin.display(description="visible to")
    def seen_by(self, row: Item) -> str:
        return "account sets" if row.limited else "everybody"  # type: ignore[attr-defined]

    @admin.display(description="part of")
    def publication(self, row: Item) -> str | SafeString:
        return link(row.part_of)

    @admin.display(description="created")
    def created(self, row: Item) -> str:
        return instant(row.created_at)


def links(rows: QuerySet[Any]) -> list[Any]:
    """The newest ones; one more than are shown tells the page that there are more."""
    return list(rows[: SHOWN + 1])


def counted(rows: QuerySet[Any]) -> str:
    """How many there are, counted no further than one waits for."""
    count = rows.values("pk").order_by()[: COUNTED + 1].count()
    return f"{count:,}" if count <= COUNTED else f"more than {COUNTED:,}"


def openers(item: Item) -> list[tuple[str, str]]:
    """How many live licences cover the item now, by whose they are; what its visibility then forbids is said beside it."""
    now = clock.read()
    own = [item.pk, *([item.part_of_id] if item.part_of_id else [])]
    within = CollectionMember.objects.filter(item__in=own).values("collection_id")
    live = Licence.objects.filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=now),
        Q(meta_type_restriction="") | Q(meta_type_restriction=item.meta_type),
        site_id=item.site_id,
        starts_at__lte=now,
        ended_at=None,
    )
    found = []
    for through, items in (("", Q(item__in=own)), (" through a collection", Q(item__in=within))):
        held = live.filter(items)
        for whose, holder in (("claimant", "user"), ("account set", "account_set"), ("browser", "browser")):
            count = counted(held.filter(**{f"{holder}__isnull": False}))
            if count != "0":
                found.append((f"{whose} licences{through}", count))
    return found
