"""Adding persons, of a claimant there is or with a new one, whose first account opens; and the pages they are on."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.enums import ActionVariant

from accounts import persons
from accounts.admin.content_forms import claimant_named
from accounts.admin.deeds import Deed, DeskForm
from accounts.admin.people import audit_user
from accounts.admin.person_types import ChangePersonType, PersonTypeAdmin
from accounts.admin.persons import EDIT, PersonAdmin, property_form, types_where
from accounts.admin.scope import actor_id
from accounts.models import Characteristic, Person, PersonType, User
from accounts.persons import field_of
from ledger.models import Asset
from ledger.opening import create_claimant


class NewPersonForm(DeskForm):
    claimant = forms.CharField(
        max_length=254,
        required=False,
        label="Claimant",
        help_text="Claimant ID or e-mail. Empty: a new claimant is made.",
    )
    name = forms.CharField(max_length=100, required=False, label="Name")
    email = forms.EmailField(
        required=False,
        label="E-mail",
        help_text="With which the new claimant may sign in to pages once they have a password.",
    )
    sections = {"A claimant there is": ("claimant",), "Or a new one": ("name", "email")}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("claimant") and (data.get("name") or data.get("email")):
            self.add_error("claimant", "Name a claimant there is, or describe a new one, and not both.")
        return data


class AddPerson(Deed):
    name, label, icon, variant = "add-person", "Add a person", "person_add", ActionVariant.PRIMARY
    permission = EDIT

    def explain(self, request: HttpRequest, row: PersonType) -> str:
        return f"Of type {row}. A new claimant gets the site's default cash account with it, if the site has one."

    def form(self, request: HttpRequest, row: PersonType) -> DeskForm:
        identifying = row.identified_by if isinstance(row.identified_by, list) else []
        form_class = property_form(NewPersonForm, self.characteristics(row), required=identifying)
        return form_class(request.POST if request.method == "POST" else None)

    def characteristics(self, row: PersonType) -> list[Characteristic]:
        return list(Characteristic.objects.filter(site=row.site_id).order_by("number"))

    def perform(self, request: HttpRequest, row: PersonType, form: DeskForm) -> HttpResponse:
        data = form.cleaned_data
        values = {each: data.get(field_of(each), "") for each in self.characteristics(row)}
        try:
            with transaction.atomic(durable=True):
                user = claimant_named(row.site, data["claimant"]) if data["claimant"] else self.new(request, row, data)
                made = persons.add_person(user, row, values, actor_id=actor_id(request))
        except ValidationError as error:
            raise at_fields(error) from error
        except Asset.DoesNotExist as error:
            raise ValidationError("The site's default asset does not exist. Correct the site first.") from error
        self.model_admin.message_user(request, f"{made} was added as person {made.pk}.", "success")
        return HttpResponseRedirect(reverse("admin:accounts_person_change", args=[made.pk]))

    def new(self, request: HttpRequest, row: PersonType, data: dict[str, Any]) -> User:
        if data["email"] and User.objects.filter(site=row.site, email=data["email"].lower()).exists():
            raise ValidationError({"email": ["This site has a claimant of this address already: name them above."]})
        try:
            with transaction.atomic():
                user = create_claimant(row.site, data["email"], None, name=data["name"])
        except IntegrityError as error:
            raise ValidationError("Someone else added this claimant just now.") from error
        audit_user(request, "user.create", user, {"staff": False})
        return user


def at_fields(error: ValidationError) -> ValidationError:
    """A claimant is named by more than their ID here."""
    if not hasattr(error, "error_dict"):
        return error
    return ValidationError(
        {"claimant" if name == "claimant_id" else name: words for name, words in error.message_dict.items()}
    )


class TypeField(forms.ModelChoiceField):
    def label_from_instance(self, row: PersonType) -> str:
        return f"{row} · {row.site}"


class ChooseTypeForm(DeskForm):
    person_type = TypeField(queryset=PersonType.objects.none(), empty_label=None)


class NewPerson(Deed):
    name, label, icon, variant, submit = "create", "New person", "person_add", ActionVariant.PRIMARY, "Continue"
    permission = EDIT
    form_class = ChooseTypeForm

    def explain(self, request: HttpRequest, row: Any) -> str:
        if not types_where(request).exists():
            return "There is no person type yet: set one up first."
        return "The type says by which values shops identify the person; it stays."

    def form(self, request: HttpRequest, row: Any) -> DeskForm:
        form = super().form(request, row)
        form.fields["person_type"].queryset = types_where(request)  # type: ignore[attr-defined]
        return form

    def perform(self, request: HttpRequest, row: Any, form: DeskForm) -> HttpResponse:
        chosen = form.cleaned_data["person_type"]
        return HttpResponseRedirect(reverse("admin:accounts_persontype_add_person", args=[chosen.pk]))


@admin.register(PersonType)
class PersonTypeWithPersonsAdmin(PersonTypeAdmin):
    deeds = (AddPerson, ChangePersonType)


@admin.register(Person)
class PersonWithAccountsAdmin(PersonAdmin):
    list_deeds = (NewPerson,)
