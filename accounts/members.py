"""Writing and finding loyalty members. Source: loyalty protocol, section 4.

The audit tells which identifiers and addresses were changed and never what to: they are people's own, and audit rows stay.
"""

from collections.abc import Iterable, Mapping

from accounts.models import Client, Member, Site, User


def create_member(
    user: User,
    *,
    account_id: str = "",
    loyalty_id: str = "",
    identifiers: Iterable[tuple[str, str]] = (),
    emails: Mapping[str, str] | None = None,
    actor_id: str,
) -> Member:
    """Make the user, who stays who they are, an active member; IDs left empty are drawn. Raises ValidationError by field.

    ``identifiers`` are (type, value) by ``MemberIdentifier.Type``, ``emails`` addresses by key. Their points account is opened
    by the ledger, in the same transaction if the caller has one open.
    """
    raise NotImplementedError


def change_loyalty_id(member: Member, loyalty_id: str, *, actor_id: str, reason: str) -> bool:
    """A new card: from the commit on only its number finds them; False if it was theirs. Raises ValidationError."""
    raise NotImplementedError


def set_identifiers(member: Member, identifiers: Iterable[tuple[str, str]], *, actor_id: str) -> bool:
    """These (type, value) and no others identify them besides their IDs; False if nothing differed. Raises ValidationError."""
    raise NotImplementedError


def set_emails(member: Member, emails: Mapping[str, str], *, actor_id: str) -> bool:
    """The whole address book, by key; False if nothing differed. Raises ValidationError."""
    raise NotImplementedError


def suspend(member: Member, *, actor_id: str, reason: str) -> bool:
    """They start sessions but neither reserve nor give points; points reserved before are still taken. False if not active."""
    raise NotImplementedError


def close(member: Member, *, actor_id: str, reason: str) -> bool:
    """Nobody finds them any more, and they leave their household. Their points stay. False if closed before."""
    raise NotImplementedError


def activate(member: Member, *, actor_id: str, reason: str) -> bool:
    """A suspended or closed member is active again, in the household they are in, if any. False if active before."""
    raise NotImplementedError


def find_member(site: Site, identifier_type: str, value: str, client: Client | None = None) -> Member | None:
    """The one member of the site whom the value fits, with user, site and household; None for nobody, and for several.

    ``identifier_type`` is one of ``IdentifierType``. Closed members and switched-off users fit nothing; where ``client`` is
    limited to some claimants, nobody else does. E-mail addresses are compared in lower case, everything else as sent.
    """
    raise NotImplementedError
