"""Users with their accounts; making a claimant."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.enums import ActionVariant

from accounts.admin.deeds import Deed, DeskForm, SiteField
from accounts.admin.people import AddStaff, PasswordField, UserAdmin, audit_user
from accounts.models import User
from ledger import balances
from ledger.admin.account_deeds import OpenAccount
from ledger.admin.money import money
from ledger.admin.points_deeds import GrantPointsToUser
from ledger.models import Asset
from ledger.opening import create_claimant


class NewClaimantForm(DeskForm):
    site = SiteField()
    email = forms.EmailField(
        required=False, label="E-mail", help_text="They sign in with it. Empty: they cannot sign in."
    )
    name = forms.CharField(max_length=100, required=False)
    claimant_id = forms.CharField(
        max_length=100, required=False, label="Claimant ID", help_text="As requests will name them. Empty: one is made."
    )
    language = forms.ChoiceField(choices=[("", "the site's"), *settings.LANGUAGES], required=False)
    password = PasswordField(required=False, help_text="At least 10 characters. Empty: they cannot sign in yet.")


class AddClaimant(Deed):
    name, label, icon, variant = "add-claimant", "Add claimant", "person_add", ActionVariant.PRIMARY
    permission = "accounts.add_user"
    form_class = NewClaimantForm

    def explain(self, request: HttpRequest, row: Any) -> str:
        return "They get the site's default cash account with it, if the site has one."

    def perform(self, request: HttpRequest, row: Any, form: NewClaimantForm) -> HttpResponse:
        data = form.cleaned_data
        fields = {name: data[name] for name in ("name", "claimant_id", "language") if data[name]}
        known = User.objects.filter(site=data["site"])
        if data["claimant_id"] and known.filter(claimant_id=data["claimant_id"]).exists():
            raise ValidationError({"claimant_id": ["This site has a user of this ID already."]})
        if data["email"] and known.filter(email=data["email"].lower()).exists():
            raise ValidationError({"email": ["This site has a user of this address already."]})
        try:
            with transaction.atomic():
                user = create_claimant(data["site"], data["email"], data["password"] or None, **fields)
                audit_user(request, "user.create", user, {"staff": False})
        except IntegrityError as error:
            raise ValidationError("Someone else added this user just now.") from error
        except Asset.DoesNotExist as error:
            raise ValidationError(
                {"site": ["The site's default asset does not exist. Correct the site first."]}
            ) from error
        self.model_admin.message_user(request, f"{user} was added.", "success")
        return HttpResponseRedirect(reverse("admin:accounts_user_change", args=[user.pk]))


@admin.register(User)
class UserWithAccountsAdmin(UserAdmin):
    deeds = (*UserAdmin.deeds, OpenAccount, GrantPointsToUser)
    list_deeds = (AddClaimant, AddStaff)
    change_form_outer_after_template = "admin/people/user.html"

    def detail_context(self, request: HttpRequest, row: User) -> dict[str, Any]:
        held = row.ledger_accounts.select_related("asset").order_by("kind")
        now = balances.current([each.pk for each in held])
        accounts = [(each.pk, each.get_kind_display(), money(each.asset, now[each.pk])) for each in held]
        return {**super().detail_context(request, row), "accounts": accounts}
