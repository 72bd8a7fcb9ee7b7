"""What the loyalty protocol is told about a site; here, because the asset of its points is the ledger's."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts import loyalty_settings
from accounts.admin.deeds import Deed, DeskForm, ReasonForm, SiteField
from accounts.admin.desk import DeskAdmin
from accounts.admin.loyalty_set_up import EDIT
from accounts.admin.scope import SiteFilter, actor_id
from accounts.loyalty_settings import BOUNDS
from accounts.models import IdentifierType, LoyaltySettings, Site
from accounts.models.loyalty import LONGEST_CHANNEL
from ledger.models import Asset


def whole(name: str, initial: int, label: str, help_text: str) -> forms.IntegerField:
    least, most = BOUNDS[name]
    return forms.IntegerField(min_value=least, max_value=most, initial=initial, label=label, help_text=help_text)


class SettingsForm(DeskForm):
    points_code = forms.ChoiceField(label="Points", help_text="The asset in which the site keeps its points.")
    reservation_seconds = whole("reservation_seconds", 900, "Seconds of a reservation", "Then it expires by itself.")
    voids_enabled = forms.BooleanField(
        required=False,
        initial=True,
        label="Redemptions can be voided",
        help_text="By the calls of the loyalty protocol.",
    )
    adjustment_days = whole("adjustment_days", 30, "Days to void", "How long after it a redemption can be voided.")
    session_hours = whole("session_hours", 24, "Hours of a session", "It ends after so many hours without a call.")
    default_identifier_type = forms.ChoiceField(
        choices=IdentifierType.choices, label="Identifier type", help_text="Where a call names none."
    )
    default_channel = forms.CharField(
        max_length=LONGEST_CHANNEL, initial="APP", label="Channel", help_text="Where a call names none."
    )
    reason = forms.CharField(max_length=200, help_text="Kept in the audit.")
    sections: ClassVar[dict[str, tuple[str, ...]]] = {
        "Points": ("points_code", "reservation_seconds"),
        "Voids": ("voids_enabled", "adjustment_days"),
        "Sessions": ("session_hours", "default_identifier_type", "default_channel"),
        "Why": ("reason",),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        codes = Asset.objects.filter(kind=Asset.Kind.POINTS).values_list("code", "name")
        named = [(code, f"{code}, {name}") for code, name in codes]
        self.fields["points_code"].choices = named  # type: ignore[attr-defined]
        if not named:
            self.fields["points_code"].help_text = "There is no asset of points yet: a superuser adds one under Assets."


class NewSettingsForm(SettingsForm):
    site = SiteField()
    field_order = ("site",)


def write(request: HttpRequest, site: Site, data: dict[str, Any]) -> LoyaltySettings:
    values = {name: data[name] for name in SettingsForm.base_fields if name not in ("reason", "once")}
    return loyalty_settings.write_settings(site, **values, actor_id=actor_id(request), reason=data["reason"])


class SetUpProgramme(Deed):
    name, label, icon, variant, submit = "create", "Set up a site", "add_business", ActionVariant.PRIMARY, "Save"
    permission = EDIT
    form_class = NewSettingsForm

    def explain(self, request: HttpRequest, row: Any) -> str:
        return "The feature stays switched off until it is switched on from the site's page."

    def form(self, request: HttpRequest, row: Any) -> DeskForm:
        form = super().form(request, row)
        field = form.fields["site"]
        assert isinstance(field, SiteField)
        offered = field.queryset
        assert offered is not None
        field.queryset = offered.filter(loyalty_settings=None)
        if request.method != "POST" and not field.queryset.exists():
            field.help_text = "Every site has its settings: change them on their pages."
        return form

    def perform(self, request: HttpRequest, row: Any, form: NewSettingsForm) -> HttpResponse:
        made = write(request, form.cleaned_data["site"], form.cleaned_data)
        self.model_admin.message_user(request, f"{made.site} is set up.", "success")
        return HttpResponseRedirect(reverse("admin:accounts_loyaltysettings_change", args=[made.pk]))


class ChangeSettings(Deed):
    name, label, icon, submit = "edit", "Change", "edit", "Save"
    permission = EDIT
    form_class = SettingsForm

    def explain(self, request: HttpRequest, row: LoyaltySettings) -> str:
        return "Reservations that were made keep their end; sessions end by the new hours at once."

    def initial(self, request: HttpRequest, row: LoyaltySettings) -> dict[str, Any]:
        return {name: getattr(row, name) for name in SettingsForm.base_fields if name not in ("reason", "once")}

    def perform(self, request: HttpRequest, row: LoyaltySettings, form: SettingsForm) -> str:
        write(request, row.site, form.cleaned_data)
        return f"The settings of {row.site} were changed."


class SwitchOn(Deed):
    name, label, icon, variant = "switch-on", "Switch on", "toggle_on", ActionVariant.PRIMARY
    permission = EDIT
    form_class = ReasonForm

    def offered(self, request: HttpRequest, row: LoyaltySettings) -> bool:
        return not row.is_enabled

    def explain(self, request: HttpRequest, row: LoyaltySettings) -> str:
        return "Points can be reserved, redeemed and voided from now on."

    def perform(self, request: HttpRequest, row: LoyaltySettings, form: ReasonForm) -> str:
        if not loyalty_settings.switch_feature(
            row.site, True, actor_id=actor_id(request), reason=form.cleaned_data["reason"]
        ):
            raise ValidationError("It has been switched on meanwhile.")
        return f"Redeeming points is switched on for {row.site}."


class SwitchOff(Deed):
    name, label, icon, variant = "switch-off", "Switch off", "toggle_off", ActionVariant.DANGER
    permission = EDIT
    form_class = ReasonForm

    def offered(self, request: HttpRequest, row: LoyaltySettings) -> bool:
        return row.is_enabled

    def explain(self, request: HttpRequest, row: LoyaltySettings) -> str:
        return "No points are reserved, redeemed or voided any more. Reservations that were made expire by themselves."

    def perform(self, request: HttpRequest, row: LoyaltySettings, form: ReasonForm) -> str:
        if not loyalty_settings.switch_feature(
            row.site, False, actor_id=actor_id(request), reason=form.cleaned_data["reason"]
        ):
            raise ValidationError("It has been switched off meanwhile.")
        return f"Redeeming points is switched off for {row.site}."


@admin.register(LoyaltySettings)
class LoyaltySettingsAdmin(DeskAdmin):
    list_deeds = (SetUpProgramme,)
    deeds = (ChangeSettings, SwitchOn, SwitchOff)
    list_display = ("site", "state", "points_code", "reservation", "voids")
    list_filter = (SiteFilter,)
    list_select_related = ("site",)
    detail_select_related = ("site",)
    fields = (
        *("site", "state", "points_code", "reservation", "voids", "session"),
        *("default_identifier_type", "default_channel"),
    )
    readonly_fields = ("state", "reservation", "voids", "session")

    @display(description="redeeming points", label={"on": "success", "switched off": "danger"})
    def state(self, row: LoyaltySettings) -> str:
        return "on" if row.is_enabled else "switched off"

    @admin.display(description="a reservation lasts")
    def reservation(self, row: LoyaltySettings) -> str:
        return f"{row.reservation_seconds:,} seconds"

    @admin.display(description="voids")
    def voids(self, row: LoyaltySettings) -> str:
        return f"within {row.adjustment_days} days" if row.voids_enabled else "not supported"

    @admin.display(description="a session lasts")
    def session(self, row: LoyaltySettings) -> str:
        return f"{row.session_hours} hours without a call"
