"""The people: sites, users, memberships, tags, API clients, and the rows that record who did what."""

from accounts.models.audit import AuditRecord
from accounts.models.budgets import FailureBudget
from accounts.models.clients import Client
from accounts.models.heartbeats import Heartbeat
from accounts.models.sites import Site
from accounts.models.tags import Tag, UserTag
from accounts.models.users import Membership, User

__all__ = ["AuditRecord", "Client", "FailureBudget", "Heartbeat", "Membership", "Site", "Tag", "User", "UserTag"]
