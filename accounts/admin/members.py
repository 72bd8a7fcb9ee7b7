"""Loyalty members and households. Registered in ``ledger/admin``, where their points and redemptions are known."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display

from accounts import clock, loyalty_sessions
from accounts.admin.deeds import Deed
from accounts.admin.desk import DeskAdmin
from accounts.admin.household_deeds import (
    AddMember,
    ChangeMode,
    ChoosePrimary,
    CreateHousehold,
    Join,
    Leave,
    RemoveMember,
)
from accounts.admin.member_deeds import Activate, ChangeAddressBook, ChangeCard, ChangeIdentifiers, Close, Suspend
from accounts.admin.of_row import OfRowFilter
from accounts.admin.scope import SiteFilter, site_ids_where, staff_of
from accounts.admin.wording import NOTHING, instant, link
from accounts.models import Household, Member, MemberIdentifier, User

SHOWN = 10
STATES = {"active": "success", "suspended": "warning", "closed": "danger", "claimant switched off": "danger"}


class HouseholdFilter(OfRowFilter):
    title, parameter_name, field = "household", "household", "household_id"


class MemberAdmin(DeskAdmin):
    deeds: ClassVar[Sequence[type[Deed]]] = (
        ChangeIdentifiers,
        ChangeAddressBook,
        ChangeCard,
        Join,
        Leave,
        Activate,
        Suspend,
        Close,
    )
    list_display = ("account", "claimant", "card", "household_shown", "state", "site")
    list_filter = (SiteFilter, HouseholdFilter)
    list_select_related = ("site", "user", "household")
    detail_select_related = ("site", "user", "household")
    search_fields = ("account_id",)  # Draws the search box; what it finds is said below.
    search_help_text = "Whole account ID, loyalty ID, identifier, claimant ID or e-mail"
    fields = ("account", "card", "claimant", "state", "household_shown", "site", "active_at", "created")
    readonly_fields = ("account", "card", "claimant", "state", "household_shown", "active_at", "created")

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> tuple["QuerySet[Any]", bool]:
        """Exact, each by an index of its own: asked together, the database would read every member."""
        term = search_term.strip()
        if not term:
            return queryset, False
        sites = site_ids_where(staff_of(request), "accounts.view_member")
        of_sites = Member.objects.filter(site__in=sites)
        found: set[int] = set()
        for column in ("account_id", "loyalty_id"):
            found |= set(of_sites.filter(**{column: term}).values_list("pk", flat=True))
        for kind in MemberIdentifier.Type.values:
            value = term.lower() if kind == MemberIdentifier.Type.EMAIL else term
            known = MemberIdentifier.objects.filter(site__in=sites, type=kind, value=value)
            found |= set(known.values_list("member", flat=True)[: self.list_per_page])
        users = User.objects.filter(Q(claimant_id=term) | Q(email=term.lower()), site__in=sites)
        found |= set(of_sites.filter(user__in=list(users[:SHOWN])).values_list("pk", flat=True))
        return queryset.filter(pk__in=found), False

    def detail_context(self, request: HttpRequest, row: Member) -> dict[str, Any]:
        now, limit = clock.read(), loyalty_sessions.idle_limit(row.site)
        sessions = row.sessions.select_related("client").order_by("-pk")[:SHOWN]
        return {
            "identifiers": list(row.identifiers.order_by("type", "value")),
            "emails": list(row.emails.order_by("key")),
            "sessions": [
                {
                    "id": each.correlation_id,
                    "client": each.client,
                    "by": each.get_identifier_type_display(),
                    "channel": each.channel,
                    "last": instant(each.last_call_at),
                    "state": "open" if loyalty_sessions.is_open(each, now, limit) else "closed",
                }
                for each in sessions
            ],
        }

    @admin.display(description="account ID")
    def account(self, row: Member) -> str:
        return row.account_id

    @admin.display(description="loyalty ID")
    def card(self, row: Member) -> str:
        return row.loyalty_id

    @admin.display(description="claimant")
    def claimant(self, row: Member) -> str | SafeString:
        return link(row.user)

    @admin.display(description="household")
    def household_shown(self, row: Member) -> str | SafeString:
        if row.household is None:
            return NOTHING
        return link(row.household, f"{row.household}, {row.get_role_display().lower()}")

    @display(description="state", label=STATES)
    def state(self, row: Member) -> str:
        return str(row.status) if row.user.is_active else "claimant switched off"

    @admin.display(description="last gave points")
    def active_at(self, row: Member) -> str:
        return instant(row.last_activity_at)

    @admin.display(description="created")
    def created(self, row: Member) -> str:
        return instant(row.created_at)


class HouseholdAdmin(DeskAdmin):
    list_deeds = (CreateHousehold,)
    deeds = (AddMember, ChoosePrimary, ChangeMode, RemoveMember)
    list_display = ("identifier", "mode_shown", "site", "created")
    list_filter = (SiteFilter,)
    list_select_related = ("site",)
    detail_select_related = ("site",)
    search_fields = ("household_id",)
    search_help_text = "Whole household ID, or a member's account ID or loyalty ID"
    fields = ("identifier", "mode_shown", "site", "created")
    readonly_fields = ("identifier", "mode_shown", "created")

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> tuple["QuerySet[Any]", bool]:
        """Exact, each by an index of its own."""
        term = search_term.strip()
        if not term:
            return queryset, False
        sites = site_ids_where(staff_of(request), "accounts.view_household")
        found = set(Household.objects.filter(site__in=sites, household_id=term).values_list("pk", flat=True))
        for column in ("account_id", "loyalty_id"):
            of_sites = Member.objects.filter(**{column: term}, site__in=sites, household__isnull=False)
            found |= set(of_sites.values_list("household_id", flat=True))
        return queryset.filter(pk__in=found), False

    @admin.display(description="household ID")
    def identifier(self, row: Household) -> str:
        return row.household_id

    @admin.display(description="mode")
    def mode_shown(self, row: Household) -> str:
        return row.get_mode_display().partition(":")[0]

    @admin.display(description="created")
    def created(self, row: Household) -> str:
        return instant(row.created_at)
