"""Finding the one loyalty member whom a caller's identifier fits. Source: loyalty protocol, section 4."""

from django.db.models import Q

from accounts.models import Client, IdentifierType, Member, MemberIdentifier, Site
from accounts.wording import is_text

OWN = {IdentifierType.ACCOUNT_ID.value: "account_id", IdentifierType.LOYALTY_ID.value: "loyalty_id"}


def find_member(site: Site, identifier_type: str, value: str, client: Client | None = None) -> Member | None:
    """The one member of the site whom the value fits, with user, site and household; None for nobody, and for several.

    ``identifier_type`` is one of ``IdentifierType``. Closed members and switched-off users fit nothing; where ``client`` is
    limited to some claimants, nobody else does. E-mail addresses are compared in lower case, everything else as sent.
    """
    if not is_text(value):
        return None  # No database keeps such a text, and one of them refuses to be asked for it.
    # By this index or that one, and never by both together: then the database would read every member of the site.
    fits = Q(**{OWN[identifier_type]: value}) if identifier_type in OWN else having(site, identifier_type, value)
    rows = Member.objects.filter(fits, site=site, user__is_active=True).exclude(status=Member.Status.CLOSED)
    found = list(rows.select_related("user", "site", "household").order_by()[:2])
    if len(found) != 1:
        return None
    [member] = found
    if client and client.limited and not client.acts_as.filter(pk=member.user_id).exists():
        return None
    return member


def having(site: Site, identifier_type: str, value: str) -> Q:
    kind = MemberIdentifier.Type[identifier_type].value
    value = value.lower() if kind == MemberIdentifier.Type.EMAIL else value
    return Q(identifiers__site=site, identifiers__type=kind, identifiers__value=value)
