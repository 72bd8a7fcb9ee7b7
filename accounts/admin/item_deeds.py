"""Making and changing items on the desk, and what is in a collection."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.enums import ActionVariant

from accounts import content
from accounts.admin.content_forms import LONGEST_LIST, LinesField, PropertiesField, properties_text, sets_named
from accounts.admin.deeds import Deed, DeskForm, SiteField
from accounts.admin.scope import actor_id
from accounts.models import Item, ItemVisibility


class ItemForm(DeskForm):
    title = forms.CharField(max_length=300)
    meta_type = forms.CharField(
        max_length=100,
        initial="Book",
        label="Meta-type",
        help_text="Book, PageRange (an excerpt), PdfPage, SubjectCollection (a collection), or another.",
    )
    part_of = forms.CharField(
        max_length=100, required=False, label="Part of", help_text="ID of the publication, for an excerpt or a page."
    )
    properties = PropertiesField(
        required=False, rows=6, help_text="One a line: ProductId: 09238443. A name again is another value of it."
    )
    visible_to = LinesField(
        required=False, rows=2, label="Visible to", help_text="Names of account sets, one a line. Empty: to everybody."
    )
    sections = {"Found by": ("properties",), "Seen by": ("visible_to",)}


class NewItemForm(ItemForm):
    site = SiteField()
    external_id = forms.CharField(max_length=100, label="ID", help_text="How codes and programs name it; it stays.")
    field_order = ("site", "external_id", "title", "meta_type", "part_of")


def fields_of(site_id: int, data: dict[str, Any]) -> content.ItemFields:
    return content.ItemFields(
        title=data["title"],
        meta_type=data["meta_type"],
        part_of=data["part_of"],
        properties=data["properties"],
        visible_to=sets_named(site_id, data["visible_to"], "visible_to"),
    )


class CreateItem(Deed):
    name, label, icon, variant = "create", "New item", "add", ActionVariant.PRIMARY
    permission = "accounts.edit_item"
    form_class = NewItemForm

    def perform(self, request: HttpRequest, row: Any, form: NewItemForm) -> HttpResponse:
        data = form.cleaned_data
        site = data["site"]
        item = content.create_item(
            site, data["external_id"], fields_of(site.pk, data), actor_id=actor_id(request)
        )  # fmt: skip
        self.model_admin.message_user(request, f"{item.title} was made.", "success")
        return HttpResponseRedirect(reverse("admin:accounts_item_change", args=[item.pk]))


class ChangeItem(Deed):
    name, label, icon = "edit", "Change", "edit"
    submit = "Save"
    permission = "accounts.edit_item"
    form_class = ItemForm

    def explain(self, request: HttpRequest, row: Item) -> str:
        return "Codes that match by property see it from now on; licences that were given stay as they are."

    def initial(self, request: HttpRequest, row: Item) -> dict[str, Any]:
        sets = ItemVisibility.objects.filter(item=row).order_by("account_set__name")
        return {
            "title": row.title,
            "meta_type": row.meta_type,
            "part_of": row.part_of.external_id if row.part_of else "",
            "properties": properties_text(content.properties_of(row)),
            "visible_to": "\n".join(sets.values_list("account_set__name", flat=True)),
        }

    def perform(self, request: HttpRequest, row: Item, form: ItemForm) -> str:
        content.change_item(row, fields_of(row.site_id, form.cleaned_data), actor_id=actor_id(request))
        return f"{form.cleaned_data['title']} was changed."


class MembersForm(DeskForm):
    external_ids = LinesField(
        rows=10,
        max_length=LONGEST_LIST,
        label="Items",
        help_text=f"Their IDs, one a line; at most {content.MOST_MEMBERS:,} at once.",
    )


class MembersDeed(Deed):
    permission = "accounts.edit_item"
    form_class = MembersForm

    def offered(self, request: HttpRequest, row: Item) -> bool:
        return row.is_collection


class AddMembers(MembersDeed):
    name, label, icon = "add-items", "Add items", "playlist_add"

    def explain(self, request: HttpRequest, row: Item) -> str:
        return "Whoever holds a licence on the collection can open them at once."

    def perform(self, request: HttpRequest, row: Item, form: MembersForm) -> str:
        count = content.add_members(row, form.cleaned_data["external_ids"], actor_id=actor_id(request))
        return f"{count:,} {'item' if count == 1 else 'items'} added."


class RemoveMembers(MembersDeed):
    name, label, icon, variant = "remove-items", "Remove items", "playlist_remove", ActionVariant.DANGER

    def explain(self, request: HttpRequest, row: Item) -> str:
        return "A licence on the collection opens them no more; licences on the items themselves stay."

    def perform(self, request: HttpRequest, row: Item, form: MembersForm) -> str:
        count = content.remove_members(row, form.cleaned_data["external_ids"], actor_id=actor_id(request))
        return f"{count:,} {'item' if count == 1 else 'items'} removed."
