from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from accounts.models.sites import Site

MOST_VALID_DAYS = 36_500


class PrepaidSettings(models.Model):
    """What the prepaid engine is told about a site; a site without a row has no settings. Source: prepaid engine, section 5."""

    site = models.OneToOneField(Site, models.PROTECT, related_name="prepaid_settings")
    default_language = models.CharField(max_length=10, blank=True, help_text="DefaultLanguageID of a new visitor.")
    default_currency_code = models.CharField(
        max_length=12, blank=True, help_text="DefaultCurrencyID of a new visitor and of a new account."
    )
    maintenance = models.BooleanField(default=False, help_text="While it is on no procedure is executed.")
    licence_until = models.DateTimeField(null=True, blank=True, help_text="First moment without one; empty: for ever.")
    code_valid_days = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_VALID_DAYS)],
        help_text="PrepaidCodeValidDays: how long codes of orders are valid; empty: for ever.",
    )
    least_balance = models.DecimalField(
        max_digits=19,
        decimal_places=4,
        default=0,
        help_text="MinAccountBalance of the account type: for accounts that have no minimum of their own.",
    )

    class Meta:
        verbose_name = verbose_name_plural = "prepaid settings"
        permissions = [
            ("edit_prepaidsettings", "Can change the prepaid settings of a site"),
            ("license_site", "Can say until when a site is licensed"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(code_valid_days=None) | Q(code_valid_days__gte=1, code_valid_days__lte=MOST_VALID_DAYS),
                name="prepaid_valid_days_in_bounds",
            ),
        ]

    def __str__(self) -> str:
        return f"prepaid settings of {self.site}"
