"""What the prepaid engine is told about a site; here, because its currency and its minimum are the ledger's."""

import datetime as dt
from decimal import Decimal
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts import clock, prepaid_settings
from accounts.admin.deeds import Deed, DeskForm, ReasonForm, SiteField
from accounts.admin.desk import DeskAdmin
from accounts.admin.scope import SiteFilter, actor_id
from accounts.admin.wording import last_day, local
from accounts.models import PrepaidSettings, Site
from accounts.models.prepaid_settings import MOST_VALID_DAYS
from ledger.models import Asset

EDIT = "accounts.edit_prepaidsettings"
FOR_EVER = "for ever"


class SettingsForm(DeskForm):
    default_language = forms.ChoiceField(
        choices=[("", "None"), *settings.LANGUAGES], required=False, label="Language", help_text="DefaultLanguageID."
    )
    default_currency_code = forms.ChoiceField(required=False, label="Currency", help_text="DefaultCurrencyID.")
    least_balance = forms.DecimalField(
        max_digits=19,
        decimal_places=4,
        initial=Decimal(0),
        label="Minimum balance",
        help_text="Of accounts that have none of their own; may be negative.",
    )
    code_valid_days = forms.IntegerField(
        min_value=1,
        max_value=MOST_VALID_DAYS,
        required=False,
        label="Days of validity",
        help_text="Of codes that orders generate (PrepaidCodeValidDays). Empty: for ever.",
    )
    reason = forms.CharField(max_length=200, help_text="Kept in the audit.")
    sections: ClassVar[dict[str, tuple[str, ...]]] = {
        "New visitors": ("default_language", "default_currency_code"),
        "Accounts and codes": ("least_balance", "code_valid_days"),
        "Why": ("reason",),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        codes = Asset.objects.filter(kind=Asset.Kind.MONEY).values_list("code", "name")
        named = [(code, f"{code}, {name}") for code, name in codes]
        self.fields["default_currency_code"].choices = [("", "None"), *named]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        asset = Asset.objects.filter(code=data.get("default_currency_code")).first()
        least = data.get("least_balance")
        if asset and least is not None and least != round(least, asset.exponent):
            self.add_error("least_balance", f"{asset.code} has {asset.exponent} decimal places at most.")
        return data


class NewSettingsForm(SettingsForm):
    site = SiteField()
    field_order = ("site",)


def write(request: HttpRequest, site: Site, data: dict[str, Any]) -> PrepaidSettings:
    return prepaid_settings.write_settings(
        site,
        default_language=data["default_language"],
        default_currency_code=data["default_currency_code"],
        code_valid_days=data["code_valid_days"],
        least_balance=data["least_balance"],
        actor_id=actor_id(request),
        reason=data["reason"],
    )


class SetUpSite(Deed):
    name, label, icon, variant, submit = "create", "Set up a site", "add_business", ActionVariant.PRIMARY, "Save"
    permission = EDIT
    form_class = NewSettingsForm

    def explain(self, request: HttpRequest, row: Any) -> str:
        return "Without a language and a currency no new visitor can be identified (-550)."

    def form(self, request: HttpRequest, row: Any) -> DeskForm:
        form = super().form(request, row)
        field = form.fields["site"]
        assert isinstance(field, SiteField)
        offered = field.queryset
        assert offered is not None
        field.queryset = offered.filter(prepaid_settings=None)
        if request.method != "POST" and not offered.filter(prepaid_settings=None).exists():
            field.help_text = "Every site has its settings: change them on their pages."
        return form

    def perform(self, request: HttpRequest, row: Any, form: NewSettingsForm) -> HttpResponse:
        made = write(request, form.cleaned_data["site"], form.cleaned_data)
        self.model_admin.message_user(request, f"{made.site} is set up.", "success")
        return HttpResponseRedirect(reverse("admin:accounts_prepaidsettings_change", args=[made.pk]))


class ChangeSettings(Deed):
    name, label, icon, submit = "edit", "Change", "edit", "Save"
    permission = EDIT
    form_class = SettingsForm

    def explain(self, request: HttpRequest, row: PrepaidSettings) -> str:
        return "Visitors, accounts and codes that there are keep what they have."

    def initial(self, request: HttpRequest, row: PrepaidSettings) -> dict[str, Any]:
        names = ("default_language", "default_currency_code", "code_valid_days")
        least = row.least_balance.normalize()
        return {**{name: getattr(row, name) for name in names}, "least_balance": f"{least:f}"}

    def perform(self, request: HttpRequest, row: PrepaidSettings, form: SettingsForm) -> str:
        write(request, row.site, form.cleaned_data)
        return f"The settings of {row.site} were changed."


class StartMaintenance(Deed):
    name, label, icon, variant = "maintenance-on", "Start maintenance", "engineering", ActionVariant.DANGER
    permission = EDIT
    form_class = ReasonForm

    def offered(self, request: HttpRequest, row: PrepaidSettings) -> bool:
        return not row.maintenance

    def explain(self, request: HttpRequest, row: PrepaidSettings) -> str:
        return "Every procedure of the prepaid engine is refused (-567) on this site until maintenance ends. All else goes on."

    def perform(self, request: HttpRequest, row: PrepaidSettings, form: ReasonForm) -> str:
        if not prepaid_settings.switch_maintenance(
            row.site, True, actor_id=actor_id(request), reason=form.cleaned_data["reason"]
        ):
            raise ValidationError("It has been started meanwhile.")
        return f"{row.site} is in maintenance."


class EndMaintenance(Deed):
    name, label, icon, variant = "maintenance-off", "End maintenance", "check_circle", ActionVariant.PRIMARY
    permission = EDIT
    form_class = ReasonForm

    def offered(self, request: HttpRequest, row: PrepaidSettings) -> bool:
        return row.maintenance

    def perform(self, request: HttpRequest, row: PrepaidSettings, form: ReasonForm) -> str:
        if not prepaid_settings.switch_maintenance(
            row.site, False, actor_id=actor_id(request), reason=form.cleaned_data["reason"]
        ):
            raise ValidationError("It has been ended meanwhile.")
        return f"{row.site} is open again."


class LicenceForm(ReasonForm):
    last_day = forms.DateField(
        required=False,
        label="Last day",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="In the site's time zone, this day included. Empty: for ever.",
    )
    field_order = ("last_day", "reason")


class License(Deed):
    name, label, icon, submit = "license", "Licence", "workspace_premium", "Save"
    permission = "accounts.license_site"  # Carried by no role: a tenant does not license itself.
    form_class = LicenceForm

    def explain(self, request: HttpRequest, row: PrepaidSettings) -> str:
        return "When it is over, every procedure of the prepaid engine is refused (-599)."

    def initial(self, request: HttpRequest, row: PrepaidSettings) -> dict[str, Any]:
        if row.licence_until is None:
            return {}
        return {"last_day": (local(row.licence_until, row.site.time_zone) - dt.timedelta(microseconds=1)).date()}

    def perform(self, request: HttpRequest, row: PrepaidSettings, form: LicenceForm) -> str:
        day: dt.date | None = form.cleaned_data["last_day"]
        if day is not None and not 2000 <= day.year < 9999:
            raise ValidationError({"last_day": ["A day from 2000 to 9998."]})
        zone = ZoneInfo(row.site.time_zone)
        until = dt.datetime.combine(day + dt.timedelta(days=1), dt.time.min, zone) if day else None
        prepaid_settings.license_until(row.site, until, actor_id=actor_id(request), reason=form.cleaned_data["reason"])
        return f"{row.site} is licensed {f'until {day}' if day else FOR_EVER}."


@admin.register(PrepaidSettings)
class PrepaidSettingsAdmin(DeskAdmin):
    list_deeds = (SetUpSite,)
    deeds = (ChangeSettings, License, StartMaintenance, EndMaintenance)
    list_display = ("site", "state", "default_language", "default_currency_code", "licence")
    list_filter = (SiteFilter,)
    list_select_related = ("site",)
    detail_select_related = ("site",)
    fields = ("site", "state", "default_language", "default_currency_code", "least", "days", "licence")
    readonly_fields = ("state", "least", "days", "licence")

    @display(description="state", label={"open": "success", "not licensed": "danger", "maintenance": "warning"})
    def state(self, row: PrepaidSettings) -> str:
        if row.maintenance:
            return "maintenance"
        if not hasattr(row, "_now"):  # Unfold asks for a field several times while it draws it.
            row._now = clock.read()  # type: ignore[attr-defined]
        over = row.licence_until is not None and row.licence_until <= row._now  # type: ignore[attr-defined]
        return "not licensed" if over else "open"

    @admin.display(description="minimum balance")
    def least(self, row: PrepaidSettings) -> str:
        return f"{row.least_balance:,.4f} {row.default_currency_code}".strip()

    @admin.display(description="days of validity")
    def days(self, row: PrepaidSettings) -> str:
        return FOR_EVER if row.code_valid_days is None else str(row.code_valid_days)

    @admin.display(description="licensed")
    def licence(self, row: PrepaidSettings) -> str:
        zone = row.site.time_zone
        return FOR_EVER if row.licence_until is None else f"until {last_day(row.licence_until, zone)} ({zone})"
