"""Persons: their properties, secrets, visitors; switched off and on. Registered in ``ledger/admin``, where one is added."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts import clock, persons, visiting
from accounts.admin.deeds import Deed, DeskForm, ReasonForm
from accounts.admin.desk import DeskAdmin
from accounts.admin.of_row import OfRowFilter
from accounts.admin.scope import SiteFilter, actor_id, site_ids_where, staff_of
from accounts.admin.wording import instant, link
from accounts.models import Characteristic, Person, PersonType, User
from accounts.models.persons import LONGEST_VALUE
from accounts.persons import field_of

EDIT, SWITCH = "accounts.edit_person", "accounts.switch_person"
SHOWN = 20
SECRET = Characteristic.Kind.SECRET


def secret_field(characteristic: Characteristic, *, required: bool = True) -> forms.CharField:
    return forms.CharField(
        max_length=LONGEST_VALUE,
        required=required,
        strip=False,
        label=characteristic.name,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="As the shop sends it. Only a salted hash is kept, and no page shows it.",
    )


def readable_field(characteristic: Characteristic, *, required: bool) -> forms.CharField:
    is_email = characteristic.kind == Characteristic.Kind.EMAIL
    return forms.CharField(
        max_length=LONGEST_VALUE,
        required=required,
        label=characteristic.name,
        widget=forms.EmailInput() if is_email else forms.TextInput(),
        help_text="Compared in lower case." if is_email else "Compared exactly.",
    )


def property_form(
    base: type[DeskForm], characteristics: Iterable[Characteristic], required: Iterable[int] = ()
) -> type[DeskForm]:
    """``base`` with a field for each characteristic; ``required`` are the numbers of those that must be said."""
    fields = {
        field_of(each): secret_field(each, required=each.number in required)
        if each.kind == SECRET
        else readable_field(each, required=each.number in required)
        for each in characteristics
    }
    sections = {**base.sections, "Properties": tuple(fields)} if fields and base.sections else base.sections
    return type("PropertyForm", (base,), {**fields, "sections": sections})


def of_site(site_id: int, *, secret: bool) -> list[Characteristic]:
    rows = Characteristic.objects.filter(site=site_id).order_by("number")
    return list(rows.filter(kind=SECRET) if secret else rows.exclude(kind=SECRET))


class ChangeProperties(Deed):
    name, label, icon, submit = "edit", "Change properties", "edit", "Save"
    permission = EDIT

    def explain(self, request: HttpRequest, row: Person) -> str:
        if not of_site(row.site_id, secret=False):
            return "The site has no readable characteristics yet."
        return "An empty field removes the property. Where one identifies them, visitors must say their values again."

    def initial(self, request: HttpRequest, row: Person) -> dict[str, Any]:
        return {field_of(each.characteristic): each.value for each in row.properties.select_related("characteristic")}

    def form(self, request: HttpRequest, row: Person) -> DeskForm:
        form_class = property_form(DeskForm, of_site(row.site_id, secret=False))
        return form_class(request.POST if request.method == "POST" else None, initial=self.initial(request, row))

    def perform(self, request: HttpRequest, row: Person, form: DeskForm) -> str:
        values = {each: form.cleaned_data.get(field_of(each), "") for each in of_site(row.site_id, secret=False)}
        changed = persons.change_properties(row, values, actor_id=actor_id(request))
        return f"{row} was changed." if changed else "Nothing was different."


class SetSecretForm(ReasonForm):
    characteristic = forms.ChoiceField()
    secret = forms.CharField(
        max_length=LONGEST_VALUE,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="As the shop sends it. Only a salted hash is kept, and no page shows it.",
    )
    field_order = ("characteristic", "secret", "reason")


class SetSecret(Deed):
    name, label, icon = "set-secret", "Set a secret", "lock_reset"
    permission = EDIT
    form_class = SetSecretForm

    def offered(self, request: HttpRequest, row: Person) -> bool:
        return bool(of_site(row.site_id, secret=True))

    def explain(self, request: HttpRequest, row: Person) -> str:
        return "The old one counts no more, and every visitor must say the values again."

    def form(self, request: HttpRequest, row: Person) -> DeskForm:
        form = super().form(request, row)
        known = [(str(each.number), str(each)) for each in of_site(row.site_id, secret=True)]
        form.fields["characteristic"].choices = known  # type: ignore[attr-defined]
        return form

    def perform(self, request: HttpRequest, row: Person, form: SetSecretForm) -> str:
        data = form.cleaned_data
        [chosen] = [each for each in of_site(row.site_id, secret=True) if str(each.number) == data["characteristic"]]
        try:
            persons.set_secret(row, chosen, data["secret"], actor_id=actor_id(request), reason=data["reason"])
        except ValidationError as error:
            raise ValidationError({"secret": error.messages}) from error
        return f"{row} has a new {chosen.name}."


class SwitchOff(Deed):
    name, label, icon, variant = "switch-off", "Switch off", "person_off", ActionVariant.DANGER
    permission = SWITCH
    form_class = ReasonForm

    def offered(self, request: HttpRequest, row: Person) -> bool:
        return row.is_active

    def explain(self, request: HttpRequest, row: Person) -> str:
        return "Shops cannot identify them, and every visitor forgets them. Their account and pages stay as they are."

    def perform(self, request: HttpRequest, row: Person, form: ReasonForm) -> str:
        if not persons.switch_off(row, actor_id=actor_id(request), reason=form.cleaned_data["reason"]):
            raise ValidationError("They have been switched off meanwhile.")
        return f"{row} is switched off."


class SwitchOn(Deed):
    name, label, icon, variant = "switch-on", "Switch on", "person_check", ActionVariant.PRIMARY
    permission = SWITCH
    form_class = ReasonForm

    def offered(self, request: HttpRequest, row: Person) -> bool:
        return not row.is_active

    def perform(self, request: HttpRequest, row: Person, form: ReasonForm) -> str:
        if not persons.switch_on(row, actor_id=actor_id(request), reason=form.cleaned_data["reason"]):
            raise ValidationError("They have been switched on meanwhile.")
        return f"{row} can be identified again."


class ForgetVisitors(Deed):
    name, label, icon, variant = "forget", "Forget visitors", "link_off", ActionVariant.DANGER
    permission = SWITCH
    form_class = ReasonForm

    def offered(self, request: HttpRequest, row: Person) -> bool:
        return row.visitors.filter(until=None).exists() or row.identifications.exists()

    def explain(self, request: HttpRequest, row: Person) -> str:
        return "No visitor is this person any more, until they say the values again."

    def perform(self, request: HttpRequest, row: Person, form: ReasonForm) -> str:
        links, _ = visiting.forget_visitors(row, actor_id=actor_id(request), reason=form.cleaned_data["reason"])
        return f"{links} {'visitor has' if links == 1 else 'visitors have'} forgotten {row}."


class TypeFilter(OfRowFilter):
    title, parameter_name, field = "person type", "type", "person_type_id"


class PersonAdmin(DeskAdmin):
    deeds = (ChangeProperties, SetSecret, ForgetVisitors, SwitchOff, SwitchOn)
    list_display = ("number", "claimant", "kind", "state", "site")
    list_filter = (SiteFilter, TypeFilter)
    list_select_related = ("site", "user", "person_type")
    detail_select_related = ("site", "user", "person_type")
    search_fields = ("id",)  # Draws the search box; what it finds is said below.
    search_help_text = "Whole person ID, claimant ID, e-mail or property"
    fields = ("number", "claimant", "kind", "site", "state", "created")
    readonly_fields = ("number", "claimant", "kind", "state", "created")
    change_form_outer_after_template = "admin/people/person.html"

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> tuple["QuerySet[Any]", bool]:
        """Exact, each by an index of its own: asked together, the database would read every person."""
        term = search_term.strip()
        if not term:
            return queryset, False
        sites = site_ids_where(staff_of(request), "accounts.view_person")
        users = User.objects.filter(Q(claimant_id=term) | Q(email=term.lower()), site__in=sites)
        found = set(Person.objects.filter(user__in=list(users[:SHOWN])).values_list("pk", flat=True))
        if term.isdecimal() and term.isascii() and len(term) < 19:
            found.add(int(term))
        for each in Characteristic.objects.filter(site__in=sites).exclude(kind=SECRET):
            value = term.lower() if each.kind == Characteristic.Kind.EMAIL else term
            found |= set(each.properties.filter(value=value).values_list("person", flat=True)[:SHOWN])
        return queryset.filter(pk__in=found), False

    def detail_context(self, request: HttpRequest, row: Person) -> dict[str, Any]:
        identifying = row.person_type.identified_by if isinstance(row.person_type.identified_by, list) else []
        properties = row.properties.select_related("characteristic").order_by("characteristic__number")
        lasting = row.identifications.filter(used_at__gt=clock.read() - visiting.STORED_FOR)
        return {
            "properties": [
                (each.characteristic, each.value, each.characteristic.number in identifying) for each in properties
            ],
            "visitors": [
                (each.visitor, instant(each.since), instant(each.until) if each.until else "")
                for each in row.visitors.select_related("visitor").order_by("-pk")[:SHOWN]
            ],
            "identifications": [
                (each.visitor, instant(each.used_at), instant(each.used_at + visiting.STORED_FOR))
                for each in lasting.select_related("visitor").order_by("-used_at")[:SHOWN]
            ],
            "shown": SHOWN,
        }

    @admin.display(description="person ID")
    def number(self, row: Person) -> int:
        return row.pk

    @admin.display(description="claimant")
    def claimant(self, row: Person) -> str | SafeString:
        return link(row.user)

    @admin.display(description="person type")
    def kind(self, row: Person) -> str | SafeString:
        return link(row.person_type)

    @display(description="state", label={"on": "success", "switched off": "danger", "claimant switched off": "danger"})
    def state(self, row: Person) -> str:
        if not row.user.is_active:
            return "claimant switched off"
        return "on" if row.is_active else "switched off"

    @admin.display(description="created")
    def created(self, row: Person) -> str:
        return instant(row.created_at)


def types_where(request: HttpRequest) -> "QuerySet[PersonType]":
    """The person types to which the member of staff may add persons."""
    sites = site_ids_where(staff_of(request), EDIT)
    return PersonType.objects.filter(site__in=sites).select_related("site").order_by("site__name", "number")
