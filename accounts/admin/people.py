"""Users of a site and the platform's staff. Registered in ``ledger/admin``, which knows what opening an account takes."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.decorators import display
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminSelectWidget

from accounts import auditing, clock
from accounts.account_sets import sets_of
from accounts.admin.deeds import Deed, DeskForm
from accounts.admin.desk import ConfigurationAdmin
from accounts.admin.paging import KeysetChangeList
from accounts.admin.scope import SiteFilter, actor_id, staff_of
from accounts.admin.wording import instant, licence_state
from accounts.models import User

TAGS_SHOWN = 100
LICENCES_SHOWN = 10
SETS_SHOWN = 50


class PasswordField(forms.CharField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            strip=False, max_length=128, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), **kwargs
        )

    def validate(self, value: str) -> None:
        super().validate(value)
        if value:
            validate_password(value)


class NewStaffForm(DeskForm):
    email = forms.EmailField(label="E-mail", help_text="They sign in with it.")
    name = forms.CharField(max_length=100)
    password = PasswordField(help_text="At least 10 characters. They can change it once signed in.")
    is_superuser = forms.BooleanField(
        required=False, label="Platform superuser", help_text="Every right on every site. Otherwise give memberships."
    )


class AddStaff(Deed):
    name, label, icon = "add-staff", "Add staff", "person_add"
    permission = "accounts.add_staff"  # Carried by no role: superusers alone.
    form_class = NewStaffForm

    def perform(self, request: HttpRequest, row: Any, form: NewStaffForm) -> str:
        data = form.cleaned_data
        try:
            with transaction.atomic():
                user = User.objects.create_user(
                    None,
                    data["email"],
                    data["password"],
                    name=data["name"],
                    is_staff=True,
                    is_superuser=data["is_superuser"],
                )
                audit_user(request, "user.create", user, {"staff": True, "superuser": user.is_superuser})
        except IntegrityError as error:
            raise ValidationError({"email": ["Someone of the staff has this address already."]}) from error
        return f"{user} may now sign in. Give them a membership so that they see a site."


class PasswordForm(DeskForm):
    password = PasswordField(label="New password", help_text="At least 10 characters.")


class SetPassword(Deed):
    name, label, icon = "set-password", "Set password", "lock_reset"
    permission = "accounts.add_user"
    form_class = PasswordForm

    def allowed(self, request: HttpRequest, row: User) -> bool:
        return super().allowed(request, row) and may_change(request, row)

    def explain(self, request: HttpRequest, row: User) -> str:
        return f"{row} is signed out everywhere and signs in with the new password."

    def perform(self, request: HttpRequest, row: User, form: PasswordForm) -> str:
        with transaction.atomic():
            row.set_password(form.cleaned_data["password"])
            row.save(update_fields=["password"])
            audit_user(request, "user.set_password", row, {})
        return f"{row} has a new password."


def audit_user(request: HttpRequest, action: str, user: User, detail: dict[str, Any]) -> None:
    auditing.record(
        action,
        site=user.site_id,
        actor_id=actor_id(request),
        object_type="user",
        object_id=user.claimant_id,
        detail=detail,
    )


def may_change(request: HttpRequest, user: User) -> bool:
    """Staff are changed by superusers alone: whoever could change a colleague's address could become them."""
    return staff_of(request).is_superuser or not user.is_staff


class UserForm(forms.ModelForm):
    language = forms.ChoiceField(
        choices=[("", "the site's"), *settings.LANGUAGES], required=False, widget=UnfoldAdminSelectWidget
    )

    class Meta:
        model = User
        fields = ("name", "email", "language", "is_active", "is_superuser")

    def clean_email(self) -> str:
        email = self.cleaned_data["email"].strip().lower()
        others = User.objects.exclude(pk=self.instance.pk).filter(site=self.instance.site_id, email=email)
        if email and others.exists():
            raise ValidationError("Someone else has this address already.")
        return email


def licences_of(user: User) -> dict[str, Any]:
    """Their newest licences, and the account sets whose licences are theirs too."""
    now = clock.read()
    newest = user.licences.select_related("item").order_by("-id")[:LICENCES_SHOWN]
    return {
        "licences": [
            (each, licence_state(each, now), instant(each.ends_at) if each.ends_at else "never") for each in newest
        ],
        "account_sets": list(sets_of(user.site_id, user.pk).order_by("name")[:SETS_SHOWN]) if user.site_id else [],
    }


class KindFilter(admin.SimpleListFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("claimants", "Claimants"), ("staff", "Staff")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        return queryset.filter(is_staff=self.value() == "staff") if self.value() else queryset


class UserAdmin(ConfigurationAdmin):
    """Everybody the reader may see: the users of their sites, and for superusers the staff of the platform."""

    change_permission = "accounts.change_user"
    form = UserForm
    deeds: ClassVar[Sequence[type[Deed]]] = (SetPassword,)
    list_deeds: ClassVar[Sequence[type[Deed]]] = (AddStaff,)
    never_read = ("password",)
    ordering = ("-id",)
    list_display = ("claimant_id", "name", "email", "site", "kind", "is_active")
    list_filter = (SiteFilter, KindFilter, "is_active")
    list_select_related = ("site",)
    search_fields = ("claimant_id",)  # Draws the search box; what it finds is said below.
    search_help_text = "Whole claimant ID or e-mail"
    readonly_fields = ("claimant_id", "site", "kind", "created", "last_seen")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "claimant_id",
                    "site",
                    "kind",
                    "name",
                    "email",
                    "language",
                    "is_active",
                    "created",
                    "last_seen",
                )
            },
        ),
    )
    detail_select_related = ("site",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return KeysetChangeList

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[User], search_term: str) -> tuple[Any, bool]:
        """Exact, so that it stays an index look-up however many users there are."""
        term = search_term.strip()
        if not term:
            return queryset, False
        return queryset.filter(Q(claimant_id=term) | Q(email=term.lower())), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # By the deeds above the list.

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or may_change(request, obj))

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        [(title, options)] = self.fieldsets
        if obj is not None and obj.is_staff and staff_of(request).is_superuser:
            return [(title, {"fields": (*options["fields"], "is_superuser")})]
        return [(title, options)]

    def detail_context(self, request: HttpRequest, row: User) -> dict[str, Any]:
        return {
            "tags": list(row.user_tags.order_by("tag__name").values_list("tag__name", flat=True)[:TAGS_SHOWN]),
            "memberships": list(row.memberships.select_related("site")) if row.is_staff else [],
            **(licences_of(row) if row.site_id else {}),
        }

    def audit_detail(self, row: User) -> dict[str, Any]:
        return {"claimant_id": row.claimant_id}

    @display(description="kind", label={"superuser": "warning", "staff": "info"})
    def kind(self, row: User) -> str:
        return "superuser" if row.is_superuser else "staff" if row.is_staff else "claimant"

    @admin.display(description="created")
    def created(self, row: User) -> str:
        return instant(row.created_at)

    @admin.display(description="last signed in")
    def last_seen(self, row: User) -> str:
        return instant(row.last_login)
