"""By what a loyalty session may be started. Source: loyalty protocol, section 4 (X-Identifier-Type)."""

from django.db import models


class IdentifierType(models.TextChoices):
    """The protocol's own words."""

    ACCOUNT_ID = "ACCOUNT_ID", "Account ID"
    LOYALTY_ID = "LOYALTY_ID", "Loyalty ID"
    EXTERNAL_ID = "EXTERNAL_ID", "External ID"
    EMAIL = "EMAIL", "E-mail"
    PARTNER_LINK_ID = "PARTNER_LINK_ID", "Partner link ID"
    PHONE_NUMBER = "PHONE_NUMBER", "Phone number"
    EXTERNAL_AGENT_ID = "EXTERNAL_AGENT_ID", "External agent ID"


# What most clients may use.
USUAL = (IdentifierType.ACCOUNT_ID.value, IdentifierType.LOYALTY_ID.value)


def usual_types() -> list[str]:
    return list(USUAL)
