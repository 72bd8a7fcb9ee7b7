"""Person types and by what their persons are identified. Registered in ``ledger/admin``, where adding a person is known."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts import person_types
from accounts.admin.characteristics import EDIT
from accounts.admin.deeds import Deed, DeskForm, SiteField
from accounts.admin.desk import DeskAdmin
from accounts.admin.scope import SiteFilter, actor_id, site_ids_where, staff_of
from accounts.models import Characteristic, PersonType
from accounts.person_types import LARGEST_TYPE, MOST_IDENTIFYING, read_identifying

ORDINALS = ("First", "Second", "Third", "Fourth")[:MOST_IDENTIFYING]
PLACES = tuple(f"value_{number}" for number in range(1, MOST_IDENTIFYING + 1))


class CharacteristicField(forms.ModelChoiceField):
    """One of a site's characteristics; the site is named where there are several."""

    def __init__(self, label: str) -> None:
        super().__init__(queryset=Characteristic.objects.none(), required=False, label=label, empty_label="None")
        self.several = False

    def label_from_instance(self, row: Characteristic) -> str:
        named = f"{row}, {row.get_kind_display().partition(':')[0].lower()}"
        return f"{named} · {row.site}" if self.several else named


class PersonTypeForm(DeskForm):
    name = forms.CharField(max_length=100)
    may_redeem = forms.BooleanField(
        required=False, initial=True, label="May redeem", help_text="Otherwise every redemption is refused (-566)."
    )
    value_1, value_2, value_3, value_4 = (CharacteristicField(f"{each} value") for each in ORDINALS)
    sections = {"Identified by, in the order in which shops send the values": PLACES}

    def offer(self, site_ids: list[int]) -> None:
        offered = Characteristic.objects.filter(site__in=site_ids).select_related("site")
        for name in PLACES:
            field = self.fields[name]
            assert isinstance(field, CharacteristicField)
            field.several = len(site_ids) > 1
            field.queryset = offered.order_by("site__name", "number")

    @property
    def chosen(self) -> list[Characteristic]:
        return [self.cleaned_data[name] for name in PLACES if self.cleaned_data[name]]


class NewPersonTypeForm(PersonTypeForm):
    site = SiteField()
    number = forms.IntegerField(
        min_value=0, max_value=LARGEST_TYPE, help_text="As shops send it in PersonTypeID; it stays."
    )
    field_order = ("site", "number", "name", "may_redeem")


class ChangedPersonTypeForm(PersonTypeForm):
    reason = forms.CharField(max_length=200, help_text="Kept in the audit.")
    field_order = ("name", "may_redeem", "reason")


class AddPersonType(Deed):
    name, label, icon, variant = "create", "New person type", "add", ActionVariant.PRIMARY
    permission = EDIT
    form_class = NewPersonTypeForm

    def explain(self, request: HttpRequest, row: Any) -> str:
        return (
            "At least one value must not be a secret: by it the person is looked for. With none, nobody is identified."
        )

    def form(self, request: HttpRequest, row: Any) -> DeskForm:
        form = super().form(request, row)
        assert isinstance(form, PersonTypeForm)
        form.offer(site_ids_where(staff_of(request), EDIT))
        return form

    def perform(self, request: HttpRequest, row: Any, form: NewPersonTypeForm) -> HttpResponse:
        data = form.cleaned_data
        made = person_types.add_person_type(
            data["site"],
            data["number"],
            data["name"],
            form.chosen,
            may_redeem=data["may_redeem"],
            actor_id=actor_id(request),
        )
        self.model_admin.message_user(request, f"{made} was added.", "success")
        return HttpResponseRedirect(reverse("admin:accounts_persontype_change", args=[made.pk]))


class ChangePersonType(Deed):
    name, label, icon, submit = "edit", "Change", "edit", "Save"
    permission = EDIT
    form_class = ChangedPersonTypeForm

    def explain(self, request: HttpRequest, row: PersonType) -> str:
        return "If persons are identified by something else from now on, every visitor must say their values again."

    def initial(self, request: HttpRequest, row: PersonType) -> dict[str, Any]:
        chosen = zip(PLACES, (each.pk for each in read_identifying(row)), strict=False)
        return {"name": row.name, "may_redeem": row.may_redeem, **dict(chosen)}

    def form(self, request: HttpRequest, row: PersonType) -> DeskForm:
        form = super().form(request, row)
        assert isinstance(form, PersonTypeForm)
        form.offer([row.site_id])
        return form

    def perform(self, request: HttpRequest, row: PersonType, form: ChangedPersonTypeForm) -> str:
        data = form.cleaned_data
        person_types.change_person_type(
            row,
            data["name"],
            form.chosen,
            may_redeem=data["may_redeem"],
            actor_id=actor_id(request),
            reason=data["reason"],
        )
        return f"{row.number} {data['name']} was changed."


class PersonTypeAdmin(DeskAdmin):
    list_deeds = (AddPersonType,)
    deeds: ClassVar[Sequence[type[Deed]]] = (ChangePersonType,)
    list_display = ("number", "name", "redeems", "site")
    list_filter = (SiteFilter,)
    list_select_related = ("site",)
    detail_select_related = ("site",)
    fields = ("number", "name", "site", "redeems", "identified")
    readonly_fields = ("redeems", "identified")
    change_form_outer_after_template = "admin/people/person_type.html"

    @display(description="redemptions", label={"allowed": "success", "refused": "danger"})
    def redeems(self, row: PersonType) -> str:
        return "allowed" if row.may_redeem else "refused"

    @admin.display(description="identified by")
    def identified(self, row: PersonType) -> str:
        if not hasattr(row, "_identified"):  # Unfold asks for a field several times while it draws it.
            row._identified = read_identifying(row)  # type: ignore[attr-defined]
        names = ", then ".join(str(each) for each in row._identified)  # type: ignore[attr-defined]
        return names or (
            "nothing usable: nobody is identified" if row.identified_by else "nothing: nobody is identified"
        )
