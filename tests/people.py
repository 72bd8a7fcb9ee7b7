"""Persons of the prepaid engine as tests need them: a site that is set up for it, and somebody who can be identified."""

from decimal import Decimal
from typing import Any

from accounts import person_types, persons, prepaid_settings
from accounts.models import Characteristic, Person, PersonType, Site, User
from tests.factories import make_site, make_user

EMAIL, SECRET, CARD = 7, 8, 9  # Numbers of characteristics.
ADDRESS, PASSWORD_VALUE = "reader@example.test", "5f4dcc3b"
BOTH = f"{ADDRESS}¶{PASSWORD_VALUE}"


def make_settings(site: Site, **fields: Any) -> None:
    """The site's prepaid settings: German and EUR unless told otherwise."""
    given = {
        "default_language": "de",
        "default_currency_code": "EUR",
        "code_valid_days": None,
        "least_balance": Decimal(0),
        **fields,
    }
    prepaid_settings.write_settings(site, actor_id="system", **given)


def characteristic(site: Site, number: int) -> Characteristic:
    """7 is an e-mail address, 8 a secret, 9 the number of a card."""
    kinds = {EMAIL: ("E-mail", "email"), SECRET: ("Password", "secret"), CARD: ("Card", "text")}
    found = Characteristic.objects.filter(site=site, number=number).first()
    return found or person_types.add_characteristic(site, number, *kinds[number], actor_id="system")


def make_person_type(
    site: Site, number: int = 1, identified_by: tuple[int, ...] = (EMAIL, SECRET), **fields: Any
) -> PersonType:
    return person_types.add_person_type(
        site,
        number,
        fields.pop("name", f"Type {number}"),
        [characteristic(site, each) for each in identified_by],
        may_redeem=fields.pop("may_redeem", True),
        actor_id="system",
        **fields,
    )


def make_person(kind: PersonType, values: dict[int, str] | None = None, user: User | None = None) -> Person:
    """``values`` by number of characteristic; unless told otherwise the reader of the contract's acceptance cases."""
    given = {EMAIL: ADDRESS, SECRET: PASSWORD_VALUE} if values is None else values
    return persons.add_person(
        user or make_user(kind.site),
        kind,
        {characteristic(kind.site, number): value for number, value in given.items()},
        actor_id="system",
    )


def make_shop(**fields: Any) -> tuple[Site, PersonType, Person]:
    """A site with settings, person type 1, and its reader."""
    site = make_site(**fields)
    make_settings(site)
    kind = make_person_type(site)
    return site, kind, make_person(kind)
