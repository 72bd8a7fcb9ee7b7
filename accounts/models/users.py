import secrets

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.validators import MinLengthValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from accounts.models.sites import Site


def new_username() -> str:
    """Opaque, global and never shown: people sign in by e-mail and are known to callers by their claimant ID."""
    return secrets.token_hex(16)


def new_claimant_id() -> str:
    return f"u-{secrets.token_hex(8)}"


class UserManager(BaseUserManager["User"]):
    def create_user(self, site: Site | None, email: str = "", password: str | None = None, **fields: object) -> "User":
        """Create one user; claimants belong to a site, platform staff to none. Raises IntegrityError on a taken ID."""
        user = self.model(site=site, email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str = "", email: str = "", password: str | None = None) -> "User":
        """Called by Django's createsuperuser: platform staff with every right."""
        return self.create_user(None, email or username, password, is_staff=True, is_superuser=True)


class User(AbstractBaseUser):
    """A claimant of one site, or a member of the platform's staff (no site).

    ``claimant_id`` is the ID that requests and receipts carry: unique within the site and compared exactly.
    """

    username = models.CharField(max_length=32, unique=True, default=new_username, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, null=True, blank=True, related_name="users")
    email = models.EmailField(blank=True)
    claimant_id = models.CharField(max_length=100, default=new_claimant_id, validators=[MinLengthValidator(1)])
    name = models.CharField(max_length=100, blank=True)
    language = models.CharField(max_length=10, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(
        default=False, help_text="May open the admin; what they may do there is their memberships'."
    )
    is_superuser = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["email"]  # What createsuperuser asks for; the username it asks for too is not kept.

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["site", "claimant_id"], name="user_claimant_id_per_site"),
            models.UniqueConstraint(fields=["site", "email"], condition=~Q(email=""), name="user_email_per_site"),
            # Staff sign in by e-mail alone, whatever site they belong to.
            models.UniqueConstraint(
                fields=["email"],
                condition=(Q(site__isnull=True) | Q(is_staff=True)) & ~Q(email=""),
                name="user_email_of_staff",
            ),
            models.CheckConstraint(condition=~Q(claimant_id=""), name="user_claimant_id_not_empty"),
            models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_lower_case"),
        ]

    def __str__(self) -> str:
        return self.name or self.email or self.claimant_id

    def get_full_name(self) -> str:
        """What pages call them; without it they would show the username."""
        return str(self)

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Whether any membership of theirs carries ``perm``; scoped lists decide on which site's rows."""
        if not self.is_active:
            return False
        return self.is_superuser or perm in self.staff_permissions()

    def has_perms(self, perms: list[str], obj: object = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perms)

    def has_module_perms(self, app_label: str) -> bool:
        if not self.is_active:
            return False
        return self.is_superuser or any(perm.startswith(f"{app_label}.") for perm in self.staff_permissions())

    def staff_permissions(self, site_id: int | None = None) -> frozenset[str]:
        """The permissions of their memberships, on one site or on any; read once per request."""
        if not hasattr(self, "_permissions"):
            held: dict[int | None, frozenset[str]] = {}
            for membership in self.memberships.all() if self.is_staff else ():
                for where in (None, membership.site_id):
                    held[where] = held.get(where, frozenset()) | membership.permissions()
            self._permissions = held  # A page asks some hundred times.
        return self._permissions.get(site_id, frozenset())


VIEW = frozenset(
    f"{app}.view_{model}"
    for app, models_ in {
        "accounts": (
            *("site", "user", "tag", "usertag", "item", "offer", "accountset", "licence", "venue", "systemtype"),
            *("characteristic", "persontype", "person", "visitor", "prepaidsettings"),
            *("member", "household", "loyaltysettings", "businessunit", "catalogueitem"),
        ),
        "codes": (
            "batch",
            "batchedit",
            "code",
            "attempt",
            "reversal",
            "workitem",
            "issueorder",
            "codeimport",
            "terms",
            "receiptmail",
            "advice",
            "article",
            "articlecharacteristic",
            "itemstatus",
            "shoporder",
        ),
        "ledger": ("asset", "ledgeraccount", "ledgertransaction", "suspendedbooking", "reservation", "transfer"),
    }.items()
    for model in models_
)
OPERATE = VIEW | {
    "codes.issue_codes",
    "codes.switch_codes",
    "codes.reverse_redemption",
    "codes.close_workitem",
    "codes.retry_receiptmail",
    "codes.retry_advice",
    "codes.place_order",
    "codes.move_item",
    "codes.release_reservation",
    "accounts.change_user",
    "accounts.give_licence",
    "accounts.end_licence",
    "accounts.switch_person",
    "accounts.switch_member",
}
MANAGE = OPERATE | {
    "codes.edit_batch",
    "codes.edit_article",
    "codes.reveal_code",
    "codes.export_codes",
    "ledger.grant_value",
    "accounts.view_client",
    "accounts.add_client",
    "accounts.revoke_client",
    "accounts.add_user",
    "accounts.add_tag",
    "accounts.edit_item",
    "accounts.edit_offer",
    "accounts.edit_accountset",
    "accounts.edit_venue",
    "accounts.edit_persontype",
    "accounts.edit_person",
    "accounts.edit_prepaidsettings",
    "accounts.edit_member",
    "accounts.edit_household",
    "accounts.edit_loyaltysettings",
    "accounts.view_auditrecord",
}


class Membership(models.Model):
    """What a member of staff may do on one site."""

    class Role(models.TextChoices):
        SUPPORT = "support", "Support: may look things up"
        OPERATOR = "operator", "Operator: may also issue, switch off and reverse"
        MANAGER = "manager", "Manager: may also reveal codes, grant value and make API keys"

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    site = models.ForeignKey(Site, models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)

    class Meta:
        ordering = ["site__name"]
        constraints = [
            models.UniqueConstraint(fields=["user", "site"], name="membership_once_per_site"),
            models.CheckConstraint(
                condition=Q(role__in=["support", "operator", "manager"]), name="membership_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.site} · {self.get_role_display()}"

    def permissions(self) -> frozenset[str]:
        return {self.Role.SUPPORT: VIEW, self.Role.OPERATOR: OPERATE, self.Role.MANAGER: MANAGE}[self.Role(self.role)]
