"""What shops of the prepaid engine find: settings, a person type known by e-mail and password value, and persons."""

from decimal import Decimal

from django.db import transaction

from accounts import clock, locking, person_types, persons, prepaid_settings, visiting
from accounts.models import Characteristic, Person, PersonType, PrepaidSettings, Site, Visitor
from redemption_site.demo.people import ACTOR, PASSWORD, People

EMAIL, PASSWORD_VALUE = 1, 2  # The demonstration's own numbers of characteristics.
READERS = 1
READER = ("reader@example.test", "5f4dcc3b")  # The reader of the prepaid engine's acceptance cases.
VISITOR = "visitor-0001"


def load_persons(people: People) -> None:
    """Set up the first site for shops, once, and let its claimants be known to them."""
    site = people.site
    if not PrepaidSettings.objects.filter(site=site).exists():
        prepaid_settings.write_settings(
            site,
            default_language="de",
            default_currency_code="EUR",
            code_valid_days=365,
            least_balance=Decimal(0),
            actor_id=ACTOR,
        )
    email = load_characteristic(site, EMAIL, "E-mail", Characteristic.Kind.EMAIL)
    password = load_characteristic(site, PASSWORD_VALUE, "Password value", Characteristic.Kind.SECRET)
    kind = PersonType.objects.filter(site=site, number=READERS).first() or person_types.add_person_type(
        site, READERS, "Readers", [email, password], may_redeem=True, actor_id=ACTOR
    )
    for claimant_id, values in (("u-1001", ("anna@example.test", PASSWORD)), ("u-2002", READER)):
        user = people.claimants[claimant_id]
        if not Person.objects.filter(user=user).exists():
            persons.add_person(user, kind, dict(zip((email, password), values, strict=True)), actor_id=ACTOR)
    load_visitor(people)


def load_characteristic(site: Site, number: int, name: str, kind: str) -> Characteristic:
    found = Characteristic.objects.filter(site=site, number=number).first()
    return found or person_types.add_characteristic(site, number, name, kind, actor_id=ACTOR)


def load_visitor(people: People) -> None:
    """A visitor who has been the contract's reader, so that the desk's pages are not empty."""
    site = people.site
    if Visitor.objects.filter(site=site, unique_id=VISITOR).exists():
        return
    with transaction.atomic():
        reader = Person.objects.filter(user=people.claimants["u-2002"]).select_related("person_type")
        [person] = locking.lock_rows(reader)
        now = clock.read()
        visiting.remember(visiting.claim(site, VISITOR, PrepaidSettings.objects.get(site=site), now), person, now)
