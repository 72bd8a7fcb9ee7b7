"""Loyalty members and households with their points: what each has, what is held of it, and who gave what for each redemption."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.enums import ActionVariant

from accounts import households, loyalty_settings, members
from accounts.admin.content_forms import claimant_named
from accounts.admin.deeds import Deed, DeskForm, SiteField
from accounts.admin.household_deeds import EDIT as EDIT_HOUSEHOLD
from accounts.admin.member_deeds import EDIT
from accounts.admin.members import HouseholdAdmin, MemberAdmin
from accounts.admin.people import audit_user
from accounts.admin.scope import actor_id, may, staff_of
from accounts.admin.wording import address_link, instant, link
from accounts.models import Household, Member, Site, User
from accounts.models.households import LONGEST_ID
from ledger import contributions, contributors, points_balances
from ledger.admin.points_deeds import GrantPointsToMember
from ledger.contributions import Page, Redemption
from ledger.models import Asset
from ledger.opening import create_claimant
from ledger.points_accounts import open_points_account, points_account

PAGE = 20


class NewMemberForm(DeskForm):
    site = SiteField()
    claimant = forms.CharField(
        max_length=254, required=False, help_text="Claimant ID or e-mail. Empty: a new claimant is made."
    )
    name = forms.CharField(max_length=100, required=False)
    email = forms.EmailField(
        required=False,
        label="E-mail for signing in",
        help_text="To the pages of the platform, once they have a password there.",
    )
    account_id = forms.CharField(
        max_length=LONGEST_ID, required=False, strip=False, label="Account ID", help_text="Empty: one is made."
    )
    loyalty_id = forms.CharField(
        max_length=LONGEST_ID,
        required=False,
        strip=False,
        label="Loyalty ID",
        help_text="The number of their card. Empty: one is drawn.",
    )
    household = forms.CharField(
        max_length=LONGEST_ID, required=False, label="Household ID", help_text="Of one there is. Empty: none."
    )
    sections = {
        "An existing claimant": ("claimant",),
        "Or a new one": ("name", "email"),
        "As a member": ("account_id", "loyalty_id", "household"),
    }

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("claimant") and (data.get("name") or data.get("email")):
            self.add_error("claimant", "Name an existing claimant or describe a new one, and not both.")
        return data


class AddLoyaltyMember(Deed):
    name, label, icon, variant = "create", "New member", "person_add", ActionVariant.PRIMARY
    permission = EDIT
    form_class = NewMemberForm

    def explain(self, request: HttpRequest, row: Any) -> str:
        return "A points account is opened for them. By what else they are known is said on their page."

    def perform(self, request: HttpRequest, row: Any, form: NewMemberForm) -> HttpResponse:
        data = form.cleaned_data
        site = data["site"]
        with transaction.atomic(durable=True):
            points = points_asset(site)
            household = self.household(request, site, data["household"])
            user = claimant_named(site, data["claimant"]) if data["claimant"] else self.new(request, site, data)
            try:
                made = members.create_member(
                    user, account_id=data["account_id"], loyalty_id=data["loyalty_id"], actor_id=actor_id(request)
                )
            except ValidationError as error:
                raise at_fields(error) from error
            if household:
                made = households.join(made, household, actor_id=actor_id(request))
            self.open(user, points, actor_id(request))
        self.model_admin.message_user(request, f"{made} was added.", "success")
        return HttpResponseRedirect(reverse("admin:accounts_member_change", args=[made.pk]))

    def open(self, user: User, points: Asset, actor_id: str) -> None:
        """Their points account, unless they had one before they were a member."""
        account = points_account(user)
        if account is None:
            open_points_account(user, points, actor_id=actor_id, reason="New member")
        elif account.asset_id != points.pk:
            told = f"They have points of {account.asset}, and the programme's are {points}."
            raise ValidationError({"claimant": [told]})

    def household(self, request: HttpRequest, site: Site, told: str) -> Household | None:
        if not told:
            return None
        if not may(staff_of(request), EDIT_HOUSEHOLD, site.pk):
            raise ValidationError({"household": ["You may not change households."]})
        found = Household.objects.filter(site=site, household_id=told).first()
        if found is None:
            raise ValidationError({"household": ["This site has no household of this ID."]})
        return found

    def new(self, request: HttpRequest, site: Site, data: dict[str, Any]) -> User:
        if data["email"] and User.objects.filter(site=site, email=data["email"].lower()).exists():
            raise ValidationError({"email": ["This site has a claimant of this address already: name them above."]})
        try:
            with transaction.atomic():
                user = create_claimant(site, data["email"], None, name=data["name"])
        except IntegrityError as error:
            raise ValidationError("Someone else added this claimant just now.") from error
        except Asset.DoesNotExist as error:
            raise ValidationError("The site's default asset does not exist. Correct the site first.") from error
        audit_user(request, "user.create", user, {"staff": False})
        return user


def points_asset(site: Site) -> Asset:
    code = loyalty_settings.settings_of(site).points_code
    found = Asset.objects.filter(code=code, kind=Asset.Kind.POINTS).first()
    if found is None:
        raise ValidationError({"site": [f"There is no asset of points with the code {code}. Set it up first."]})
    return found


def at_fields(error: ValidationError) -> ValidationError:
    """Who the member is, is told in the form's own field."""
    if not hasattr(error, "error_dict"):
        return error
    return ValidationError({"claimant" if name == "user" else name: told for name, told in error.message_dict.items()})


@admin.register(Member)
class MemberWithPointsAdmin(MemberAdmin):
    deeds = (*MemberAdmin.deeds, GrantPointsToMember)
    list_deeds = (AddLoyaltyMember,)
    change_form_outer_after_template = "admin/ledger/member.html"

    def detail_context(self, request: HttpRequest, row: Member) -> dict[str, Any]:
        [own] = contributors.read_contributors(row.site_id, Q(pk=row.pk))
        account = own.points_account_id
        shown = contributions.of_member(row, after=read_after(request), limit=PAGE)
        return {
            **super().detail_context(request, row),
            "account": address_link("ledger_ledgeraccount", account, "Account and statement") if account else "",
            "points": figures(points_balances.of_accounts([account])[account]) if account else (),
            **told(request, shown),
        }


@admin.register(Household)
class HouseholdWithPointsAdmin(HouseholdAdmin):
    change_form_outer_after_template = "admin/ledger/household.html"

    def detail_context(self, request: HttpRequest, row: Household) -> dict[str, Any]:
        of_it = list(row.members.select_related("user").order_by("-role", "account_id"))
        givers = contributors.read_contributors(row.site_id, Q(household=row.pk))
        accounts = {each.member_id: each.points_account_id for each in givers if each.points_account_id}
        has = points_balances.of_accounts(list(accounts.values()))
        shown = contributions.of_household(row, after=read_after(request), limit=PAGE)
        lines = [(each, has.get(accounts.get(each.pk, 0), NONE)) for each in of_it]
        active = [points for each, points in lines if each.status == Member.Status.ACTIVE]
        together = points_balances.PointsBalance(
            *(sum(getattr(each, name) for each in active) for name in ("balance", "held", "available"))
        )
        return {
            "members": [
                {
                    "link": link(each),
                    "name": each.user.name,
                    "role": each.get_role_display(),
                    "status": each.status,
                    "counts": each.status == Member.Status.ACTIVE,
                    "figures": figures(points),
                }
                for each, points in lines
            ],
            "together": figures(together),
            **told(request, shown),
        }


NONE = points_balances.PointsBalance()


def figures(points: points_balances.PointsBalance) -> tuple[tuple[str, str], ...]:
    return (
        ("Available", f"{points.available:,}"),
        ("Held", f"{points.held:,}"),
        ("Balance", f"{points.balance:,}"),
    )


def read_after(request: HttpRequest) -> UUID | None:
    """Behind which redemption the page begins; anything else is the first page."""
    try:
        return UUID(request.GET.get("after", ""))
    except ValueError:
        return None


def told(request: HttpRequest, page: Page) -> dict[str, Any]:
    return {
        "redemptions": [as_told(each) for each in page.redemptions],
        "next": page.next or "",
        "after": request.GET.get("after", ""),
    }


def as_told(redemption: Redemption) -> dict[str, Any]:
    spending = redemption.spending
    return {
        "when": address_link("ledger_ledgertransaction", spending.pk, instant(redemption.booked_at)),
        "by": link(getattr(spending.owner, "member", None) or spending.owner),
        "where": " · ".join(each for each in (spending.business_unit, spending.channel) if each),
        "reference": spending.external_reference,
        "points": f"{redemption.points:,}",
        "voided": instant(redemption.voided_at) if redemption.voided_at else "",
        "shares": [
            {
                "who": link(each.member or each.owner),
                "points": f"{each.points:,}",
                "percent": round(100 * each.points / redemption.points, 1) if redemption.points else 0,
            }
            for each in redemption.shares
        ],
    }
