"""What can be done to a household: made, its mode, who belongs to it and as what."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.enums import ActionVariant

from accounts import households
from accounts.admin.deeds import Deed, DeskForm, ReasonForm, SiteField
from accounts.admin.scope import actor_id
from accounts.models import Household, Member, Site
from accounts.models.households import LONGEST_ID

EDIT = "accounts.edit_household"
ROLES = [("member", "Member"), ("primary", "Primary: takes the place of the present one")]


def member_named(site: Site, text: str) -> Member:
    """By their account ID, else by their loyalty ID."""
    of_site = Member.objects.filter(site=site)
    found = of_site.filter(account_id=text).first() or of_site.filter(loyalty_id=text).first()
    if found is None:
        raise ValidationError({"member": [f"This site has no member {text}."]})
    return found


class NewHouseholdForm(DeskForm):
    site = SiteField()
    household_id = forms.CharField(
        max_length=LONGEST_ID,
        required=False,
        strip=False,
        label="Household ID",
        help_text="As calls tell it; it stays. Empty: one is made.",
    )
    mode = forms.ChoiceField(choices=Household.Mode.choices)


class CreateHousehold(Deed):
    name, label, icon, variant = "create", "New household", "add_home", ActionVariant.PRIMARY
    permission = EDIT
    form_class = NewHouseholdForm

    def explain(self, request: HttpRequest, row: Any) -> str:
        return "Its members pay for each other's redemptions. Members are added on its page."

    def perform(self, request: HttpRequest, row: Any, form: NewHouseholdForm) -> HttpResponse:
        data = form.cleaned_data
        made = households.create_household(data["site"], data["household_id"], data["mode"], actor_id=actor_id(request))
        self.model_admin.message_user(request, f"Household {made} was made. Now add its members.", "success")
        return HttpResponseRedirect(reverse("admin:accounts_household_change", args=[made.pk]))


class AddMemberForm(DeskForm):
    member = forms.CharField(max_length=LONGEST_ID, help_text="Account ID or loyalty ID.")
    role = forms.ChoiceField(choices=ROLES)


class AddMember(Deed):
    name, label, icon, variant, submit = "add-member", "Add a member", "person_add", ActionVariant.PRIMARY, "Add"
    permission = EDIT
    form_class = AddMemberForm

    def explain(self, request: HttpRequest, row: Household) -> str:
        return "From now on their points pay for the household's redemptions, and the household's for theirs."

    def perform(self, request: HttpRequest, row: Household, form: AddMemberForm) -> str:
        data = form.cleaned_data
        joined = households.join(member_named(row.site, data["member"]), row, data["role"], actor_id=actor_id(request))
        return f"{joined} has joined."


class MemberField(forms.ModelChoiceField):
    def label_from_instance(self, row: Member) -> str:
        named = f"{row} · {row.user.name}" if row.user.name else str(row)
        return f"{named} (primary)" if row.role == Member.Role.PRIMARY else named


class OfMembers(Deed):
    """A deed about one of the household's members, chosen from a list."""

    permission = EDIT

    def members(self, row: Household) -> Any:
        return row.members.select_related("user").order_by("account_id")

    def offered(self, request: HttpRequest, row: Household) -> bool:
        return bool(self.members(row).exists())

    def form(self, request: HttpRequest, row: Household) -> DeskForm:
        form = super().form(request, row)
        form.fields["member"].queryset = self.members(row)  # type: ignore[attr-defined]
        return form


class RemoveMemberForm(ReasonForm):
    member = MemberField(queryset=Member.objects.none(), empty_label=None)
    field_order = ("member", "reason")


class RemoveMember(OfMembers):
    name, label, icon, variant, submit = (
        *("remove-member", "Remove a member", "person_remove", ActionVariant.DANGER),
        "Remove",
    )
    form_class = RemoveMemberForm

    def explain(self, request: HttpRequest, row: Household) -> str:
        return "What is reserved of their points can still be redeemed. They keep all others."

    def perform(self, request: HttpRequest, row: Household, form: RemoveMemberForm) -> str:
        data = form.cleaned_data
        left = households.leave(data["member"], actor_id=actor_id(request), reason=data["reason"])
        return f"{left} has left."


class PrimaryForm(DeskForm):
    member = MemberField(queryset=Member.objects.none(), empty_label=None)


class ChoosePrimary(OfMembers):
    name, label, icon, submit = "primary", "Choose the primary", "star", "Save"
    form_class = PrimaryForm

    def members(self, row: Household) -> Any:
        return super().members(row).filter(~Q(role=Member.Role.PRIMARY))

    def perform(self, request: HttpRequest, row: Household, form: PrimaryForm) -> str:
        chosen = form.cleaned_data["member"]
        households.change_role(chosen, Member.Role.PRIMARY, actor_id=actor_id(request))
        return f"{chosen} is the primary member."


class ModeForm(ReasonForm):
    mode = forms.ChoiceField(choices=Household.Mode.choices)
    field_order = ("mode", "reason")


class ChangeMode(Deed):
    name, label, icon, submit = "mode", "Change mode", "pie_chart", "Save"
    permission = EDIT
    form_class = ModeForm

    def explain(self, request: HttpRequest, row: Household) -> str:
        return "How the shares of redemptions are found from now on. Reservations that were made stay."

    def initial(self, request: HttpRequest, row: Household) -> dict[str, Any]:
        return {"mode": row.mode}

    def perform(self, request: HttpRequest, row: Household, form: ModeForm) -> str:
        data = form.cleaned_data
        changed = households.change_mode(row, data["mode"], actor_id=actor_id(request), reason=data["reason"])
        return f"The mode of {row} was changed." if changed else "Nothing was different."


class JoinForm(DeskForm):
    household = forms.CharField(max_length=LONGEST_ID, strip=False, label="Household ID")
    role = forms.ChoiceField(choices=ROLES)


class Join(Deed):
    """On the member's page."""

    name, label, icon, submit = "join", "Join a household", "add_home", "Join"
    permission = EDIT
    form_class = JoinForm

    def offered(self, request: HttpRequest, row: Member) -> bool:
        return row.household_id is None and row.status != Member.Status.CLOSED

    def perform(self, request: HttpRequest, row: Member, form: JoinForm) -> str:
        data = form.cleaned_data
        found = Household.objects.filter(site=row.site_id, household_id=data["household"]).first()
        if found is None:
            raise ValidationError({"household": ["This site has no household of this ID."]})
        try:
            households.join(row, found, data["role"], actor_id=actor_id(request))
        except ValidationError as error:
            raise ValidationError(error.messages) from error
        return f"{row} has joined {found}."


class Leave(Deed):
    name, label, icon, variant = "leave", "Leave the household", "person_remove", ActionVariant.DANGER
    permission = EDIT
    form_class = ReasonForm

    def offered(self, request: HttpRequest, row: Member) -> bool:
        return row.household_id is not None

    def explain(self, request: HttpRequest, row: Member) -> str:
        return "What is reserved of their points can still be redeemed. They keep all others."

    def perform(self, request: HttpRequest, row: Member, form: ReasonForm) -> str:
        households.leave(row, actor_id=actor_id(request), reason=form.cleaned_data["reason"])
        return f"{row} has left the household."
