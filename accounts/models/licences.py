from django.db import models
from django.db.models import F, Q

from accounts.models.account_sets import AccountSet
from accounts.models.content import Item
from accounts.models.offers import LicenceTerms, Offer
from accounts.models.sites import Site
from accounts.models.users import User


class BrowserLogin(models.Model):
    """A browser that holds session licences, known by a cookie of its own; it ends after a time in which nothing came from it.

    Whether somebody signs in or out in it makes no difference.
    """

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    token_digest = models.BinaryField(max_length=16, unique=True, editable=False)
    created_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["last_seen_at"], name="browser_login_last_seen")]

    def __str__(self) -> str:
        return f"browser {self.pk}"


class Licence(LicenceTerms):
    """The right of a user, an account set or a browser to open an item, with its terms as they were when it was given.

    On a collection it covers what is in it at the moment, on a publication its parts too. Its ID is its number.
    """

    site = models.ForeignKey(Site, models.PROTECT, related_name="licences", db_index=False)
    user = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="licences", db_index=False)
    account_set = models.ForeignKey(
        AccountSet, models.PROTECT, null=True, blank=True, related_name="licences", db_index=False
    )
    browser = models.ForeignKey(
        BrowserLogin, models.CASCADE, null=True, blank=True, related_name="licences", db_index=False
    )
    item = models.ForeignKey(Item, models.PROTECT, related_name="licences", db_index=False)
    offer = models.ForeignKey(Offer, models.PROTECT, null=True, blank=True, related_name="licences", db_index=False)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True, help_text="First moment after it; empty: for ever.")
    given_by = models.UUIDField(null=True, editable=False, help_text="The redemption that gave it, if one did.")
    form_key = models.UUIDField(
        null=True,
        editable=False,
        unique=True,
        help_text="Of the form by which staff gave it, so that it is given once.",
    )
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When it was taken back.")
    ended_by = models.CharField(max_length=100, blank=True, help_text="Actor ID of who took it back.")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        permissions = [("give_licence", "Can give licences"), ("end_licence", "Can end licences")]
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=False, account_set__isnull=True, browser__isnull=True)
                | Q(user__isnull=True, account_set__isnull=False, browser__isnull=True)
                | Q(user__isnull=True, account_set__isnull=True, browser__isnull=False),
                name="licence_has_one_holder",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")), name="licence_validity_not_empty"
            ),
            models.CheckConstraint(
                condition=Q(concurrencies__isnull=True) | Q(concurrencies__gte=1), name="licence_concurrencies_positive"
            ),
            models.CheckConstraint(
                condition=Q(given_by__isnull=True) | Q(form_key__isnull=True), name="licence_given_one_way"
            ),
            # What one redemption gives, it gives once.
            models.UniqueConstraint(
                fields=["given_by", "item"], condition=Q(given_by__isnull=False), name="licence_once_per_redemption"
            ),
        ]
        indexes = [
            models.Index(fields=["user", "item"], condition=Q(user__isnull=False), name="licence_by_user"),
            models.Index(
                fields=["account_set", "item"], condition=Q(account_set__isnull=False), name="licence_by_account_set"
            ),
            models.Index(fields=["browser", "item"], condition=Q(browser__isnull=False), name="licence_by_browser"),
            models.Index(fields=["site", "-id"], name="licence_by_site"),
            models.Index(fields=["item", "-id"], name="licence_by_item"),
            models.Index(fields=["offer", "-id"], condition=Q(offer__isnull=False), name="licence_by_offer"),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.account_set or self.browser} · {self.item}"
