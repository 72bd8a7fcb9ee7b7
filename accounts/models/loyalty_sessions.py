from django.db import models
from django.db.models import F, Q

from accounts.models.clients import Client
from accounts.models.identifier_types import IdentifierType
from accounts.models.loyalty import LONGEST_CHANNEL
from accounts.models.members import Member
from accounts.models.sites import Site

LONGEST_CORRELATION_ID = 100
LONGEST_AGENT_SESSION_ID = 100


class LoyaltySession(models.Model):
    """A client's session for a member, known by the correlation ID that the client invented.

    It ends when it is closed, or when no call came for the hours that the site's settings say. Source: loyalty protocol, section 4.
    """

    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_index=False)
    correlation_id = models.CharField(max_length=LONGEST_CORRELATION_ID)
    client = models.ForeignKey(Client, models.PROTECT, related_name="loyalty_sessions", db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="sessions", db_index=False)
    identifier_type = models.CharField(max_length=20, choices=IdentifierType.choices)
    channel = models.CharField(max_length=LONGEST_CHANNEL)
    external_agent_session_id = models.CharField(max_length=LONGEST_AGENT_SESSION_ID, blank=True)
    created_at = models.DateTimeField(editable=False)
    # In no index, so that a call rewrites the row where it stands.
    last_call_at = models.DateTimeField(editable=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["site", "correlation_id"], name="loyalty_session_id_per_site"),
            models.CheckConstraint(condition=~Q(correlation_id="") & ~Q(channel=""), name="loyalty_session_not_empty"),
            models.CheckConstraint(
                condition=Q(identifier_type__in=IdentifierType.values), name="loyalty_session_type_known"
            ),
            models.CheckConstraint(condition=Q(last_call_at__gte=F("created_at")), name="loyalty_session_in_time"),
        ]
        indexes = [models.Index(fields=["member", "-id"], name="loyalty_session_of_member")]

    def __str__(self) -> str:
        return self.correlation_id
