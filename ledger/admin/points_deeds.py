"""What staff do with points: granting them to a member, a claimant or an account, and correcting what is there."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold.enums import ActionVariant

from accounts.admin.deeds import Deed, DeskForm
from accounts.admin.scope import actor_id
from accounts.admin.wording import instant
from accounts.models import Member, User
from accounts.refusals import Refusal
from ledger.admin.account_deeds import KEPT, SAID, on_site
from ledger.admin.money import money
from ledger.admin.transactions import whose
from ledger.granting import grant_points
from ledger.models import LedgerAccount, PointsGrant
from ledger.points_accounts import ensure_points_account, points_account

Kind = PointsGrant.Kind
MOST = 10**12
# What is done → the kind of grant, and the sign as the holder sees it.
WAYS = {"campaign": (Kind.CAMPAIGN, 1), "correction": (Kind.CORRECTION, 1), "take": (Kind.CORRECTION, -1)}


class GrantForm(DeskForm):
    way = forms.ChoiceField(
        label="What",
        choices=[
            ("campaign", "Campaign: give points"),
            ("correction", "Correction: give points"),
            ("take", "Correction: take points, those that expire first"),
        ],
    )
    points = forms.IntegerField(min_value=1, max_value=MOST, widget=forms.NumberInput(attrs={"autocomplete": "off"}))
    expires_at = forms.DateTimeField(
        required=False, label="Expire at", widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    comment = forms.CharField(max_length=200, required=False, help_text="The holder reads it in the statement.")
    reason = forms.CharField(max_length=200, label="Reason", help_text=KEPT)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("way") == "take" and data.get("expires_at"):
            raise ValidationError({"expires_at": "Only points that are given can expire."})
        return data


class GrantPoints(Deed):
    """On an account of points."""

    name, label, icon, variant = "grant-points", "Grant points", "loyalty", ActionVariant.PRIMARY
    permission = "ledger.grant_value"
    form_class = GrantForm

    def owner(self, row: Any) -> User | None:
        return row.owner if row.kind == LedgerAccount.Kind.POINTS else None

    def offered(self, request: HttpRequest, row: Any) -> bool:
        owner = self.owner(row)
        if owner is None or owner.site is None or owner.is_staff:
            return False
        account = points_account(owner)
        return account is None or account.state != LedgerAccount.State.CLOSED

    def form(self, request: HttpRequest, row: Any) -> DeskForm:
        form = super().form(request, row)
        form.fields["expires_at"].help_text = f"In {self.site(row).time_zone}. Empty: they never expire."
        return form

    def explain(self, request: HttpRequest, row: Any) -> str:
        owner = self.owner(row)
        account = points_account(owner) if owner else None
        if account is None:
            return f"To {owner}. They get an account in the programme of {self.site(row)} with it."
        return f"On {whose(account)}. Points that expire first are used first."

    def say(self, refusal: Refusal) -> str:
        return SAID.get(type(refusal), super().say(refusal))

    def site(self, row: Any) -> Any:
        owner = self.owner(row)
        assert owner is not None
        return owner.site

    def perform(self, request: HttpRequest, row: Any, form: GrantForm) -> str:
        data, owner = form.cleaned_data, self.owner(row)
        assert owner is not None
        kind, sign = WAYS[data["way"]]
        expires_at = on_site(data["expires_at"], self.site(row), "expires_at")
        try:
            grant, _ = grant_points(
                ensure_points_account(owner, actor_id=actor_id(request)),
                sign * data["points"],
                kind=kind,
                reason=data["reason"],
                comment=data["comment"],
                expires_at=expires_at,
                actor_id=actor_id(request),
                caller="desk",
                idempotency_key=f"desk {form.key}",  # A form sent twice finds what it did the first time.
            )
        except ValueError as error:
            raise ValidationError(str(error)) from error
        what = f"{money(grant.account.asset, abs(grant.amount))} {'granted' if grant.amount > 0 else 'taken'}"
        until = f", until {instant(grant.expires_at, self.site(row).time_zone)}" if grant.expires_at else ""
        return f"{what}{until}."


class GrantPointsToUser(GrantPoints):
    """On a claimant's page."""

    def owner(self, row: User) -> User | None:
        return row


class GrantPointsToMember(GrantPoints):
    """On a loyalty member's page."""

    def owner(self, row: Member) -> User | None:
        return row.user if row.status != Member.Status.CLOSED else None
