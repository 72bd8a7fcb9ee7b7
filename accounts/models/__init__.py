"""The people and what they may open: sites, users, tags, API clients, content, offers, licences; and who did what."""

from accounts.models.account_sets import AccountSet, AccountSetRule
from accounts.models.audit import AuditRecord
from accounts.models.budgets import FailureBudget
from accounts.models.clients import Client
from accounts.models.content import CollectionMember, Item, ItemProperty, ItemVisibility
from accounts.models.heartbeats import Heartbeat
from accounts.models.households import Household
from accounts.models.identifier_types import IdentifierType
from accounts.models.licences import BrowserLogin, Licence
from accounts.models.loyalty import BusinessUnit, CatalogueItem, LoyaltySettings
from accounts.models.loyalty_sessions import LoyaltySession
from accounts.models.members import Member, MemberEmail, MemberIdentifier
from accounts.models.oauth import AccessToken
from accounts.models.offers import LicenceTerms, Offer, OfferPrice
from accounts.models.persons import Characteristic, Person, PersonProperty, PersonType
from accounts.models.prepaid_settings import PrepaidSettings
from accounts.models.sites import Site
from accounts.models.tags import Tag, UserTag
from accounts.models.till_keys import TillKey
from accounts.models.users import Membership, User
from accounts.models.venues import SystemType, Venue
from accounts.models.visitors import StoredIdentification, Visitor, VisitorPerson

__all__ = [
    "AccessToken",
    "AccountSet",
    "AccountSetRule",
    "AuditRecord",
    "BrowserLogin",
    "BusinessUnit",
    "CatalogueItem",
    "Characteristic",
    "Client",
    "CollectionMember",
    "FailureBudget",
    "Heartbeat",
    "Household",
    "IdentifierType",
    "Item",
    "ItemProperty",
    "ItemVisibility",
    "Licence",
    "LicenceTerms",
    "LoyaltySession",
    "LoyaltySettings",
    "Member",
    "MemberEmail",
    "MemberIdentifier",
    "Membership",
    "Offer",
    "OfferPrice",
    "Person",
    "PersonProperty",
    "PersonType",
    "PrepaidSettings",
    "Site",
    "StoredIdentification",
    "SystemType",
    "Tag",
    "TillKey",
    "User",
    "UserTag",
    "Venue",
    "Visitor",
    "VisitorPerson",
]
