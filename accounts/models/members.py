"""Members of a site's loyalty programme, and by what they are known. Source: loyalty protocol, section 4."""

import secrets

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from accounts.models.households import LONGEST_ID, Household, new_id
from accounts.models.sites import Site
from accounts.models.users import User

LONGEST_VALUE = 255
LONGEST_KEY = 40


def new_loyalty_id() -> str:
    """The number of a card: 16 digits, drawn at random."""
    return str(secrets.randbelow(9 * 10**15) + 10**15)


class Member(models.Model):
    """A user in the site's loyalty programme. User and site stay; the account ID and the loyalty ID are compared exactly.

    A suspended member starts sessions, and can neither reserve nor give points; a closed one is found by nobody.
    """

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        SUSPENDED = "suspended", "Suspended"
        CLOSED = "closed", "Closed"

    class Role(models.TextChoices):
        PRIMARY = "primary", "Primary"
        MEMBER = "member", "Member"

    user = models.OneToOneField(User, models.PROTECT, related_name="member")
    site = models.ForeignKey(Site, models.PROTECT, related_name="members", db_index=False)
    account_id = models.CharField(max_length=LONGEST_ID, default=new_id)
    loyalty_id = models.CharField(max_length=LONGEST_ID, default=new_loyalty_id)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    household = models.ForeignKey(Household, models.PROTECT, null=True, blank=True, related_name="members")
    role = models.CharField(max_length=10, choices=Role.choices, blank=True)
    last_activity_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When they last gave points for a redemption."
    )
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["-id"]
        permissions = [
            ("edit_member", "Can add loyalty members, and change by what they are known"),
            ("switch_member", "Can suspend, close and open loyalty members"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["site", "account_id"], name="member_account_id_per_site"),
            models.UniqueConstraint(fields=["site", "loyalty_id"], name="member_loyalty_id_per_site"),
            models.UniqueConstraint(
                fields=["household"], condition=Q(role="primary"), name="household_has_one_primary"
            ),
            models.CheckConstraint(condition=~Q(account_id="") & ~Q(loyalty_id=""), name="member_ids_not_empty"),
            models.CheckConstraint(
                condition=Q(status__in=["active", "suspended", "closed"]), name="member_status_known"
            ),
            models.CheckConstraint(
                condition=Q(household=None, role="") | Q(household__isnull=False, role__in=["primary", "member"]),
                name="member_role_in_household",
            ),
            models.CheckConstraint(
                condition=~Q(status="closed") | Q(household=None), name="member_closed_without_household"
            ),
        ]
        indexes = [models.Index(fields=["site", "-id"], name="member_newest_of_site")]

    def __str__(self) -> str:
        return self.account_id


class MemberIdentifier(models.Model):
    """A value by which sessions may be started for a member; one that fits two members finds neither.

    ACCOUNT_ID and LOYALTY_ID are the member's own columns. E-mail addresses are kept and compared in lower case, all else as sent.
    """

    class Type(models.TextChoices):
        EXTERNAL_ID = "external_id", "External ID"
        EMAIL = "email", "E-mail"
        PARTNER_LINK_ID = "partner_link_id", "Partner link ID"
        PHONE_NUMBER = "phone_number", "Phone number"
        EXTERNAL_AGENT_ID = "external_agent_id", "External agent ID"

    member = models.ForeignKey(Member, models.CASCADE, related_name="identifiers", db_index=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_index=False)
    type = models.CharField(max_length=20, choices=Type.choices)
    value = models.CharField(max_length=LONGEST_VALUE)

    class Meta:
        ordering = ["type", "value"]
        constraints = [
            models.UniqueConstraint(fields=["member", "type", "value"], name="member_identifier_once"),
            models.CheckConstraint(condition=~Q(value=""), name="member_identifier_not_empty"),
            models.CheckConstraint(
                condition=Q(type__in=["external_id", "email", "partner_link_id", "phone_number", "external_agent_id"]),
                name="member_identifier_type_known",
            ),
            models.CheckConstraint(
                condition=~Q(type="email") | Q(value=Lower(F("value"))), name="member_identifier_lower_case"
            ),
        ]
        indexes = [models.Index(fields=["site", "type", "value"], name="member_identifier_value")]

    def __str__(self) -> str:
        return f"{self.get_type_display()} {self.value}"


class MemberEmail(models.Model):
    """An entry of a member's e-mail address book: the key by which calls name it, and the address."""

    member = models.ForeignKey(Member, models.CASCADE, related_name="emails", db_index=False)
    key = models.CharField(max_length=LONGEST_KEY)
    address = models.EmailField()

    class Meta:
        ordering = ["key"]
        constraints = [
            models.UniqueConstraint(fields=["member", "key"], name="member_email_key_once"),
            models.CheckConstraint(condition=~Q(key="") & ~Q(address=""), name="member_email_not_empty"),
        ]

    def __str__(self) -> str:
        return self.key
