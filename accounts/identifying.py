"""From what a shop sends to one person. Source: prepaid engine, section 5.

Identifying is a step of its own with a transaction of its own: what it stores stays, whatever becomes of the call.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction

from accounts import budgets, clock, locking, visiting
from accounts.budgets import Budget
from accounts.models import Characteristic, Person, PersonProperty, PersonType, PrepaidSettings, Site, Visitor
from accounts.models.persons import LONGEST_VALUE
from accounts.models.visitors import DEFAULT_UNIQUE_ID, LONGEST_UNIQUE_ID
from accounts.person_types import read_identifying
from accounts.remembering import Remembered
from accounts.wording import is_text

FAILURES = 10
# Of persons with the same readable values, each costs a look at a secret; of more than these none could be told apart in time.
MOST_ALIKE = 3


class IdentificationRefused(Exception):
    """Nobody was identified; each kind has a return code of its own."""


class DefaultVisitor(IdentificationRefused):
    """Nothing can be stored for the default UniqueID."""


class SettingsMissing(IdentificationRefused):
    """A visitor must be made, and the site does not say in which language and currency."""


class PersonTypeUnusable(IdentificationRefused):
    """The type is unknown, or its settings name nothing by which a person could be identified."""


class SeparatorMissing(IdentificationRefused):
    """Several values are needed, and nothing separates what was sent."""


class NotIdentified(IdentificationRefused):
    """No person, more than one, or one who is switched off; never told which."""


class TooManyFailures(IdentificationRefused):
    """Ten failures in 15 minutes; ``seconds`` until the window is over."""

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self.seconds = seconds


@dataclass(frozen=True)
class Call:
    """Who asks, once everything that comes before identification was right."""

    site: Site
    kind: PersonType
    unique_id: str
    visitor: Visitor | None
    network: str
    now: dt.datetime

    @property
    def of_visitor(self) -> Budget:
        return Budget("identify visitor", f"{self.site.pk}|{self.unique_id}", FAILURES)

    @property
    def of_network(self) -> list[Budget]:
        """As many as look-ups of codes: all visitors of a shop may come from its one server."""
        source = f"{self.site.pk}|{self.network}"
        return [Budget("identify from", source, self.site.guesses_per_network)] if self.network else []


# One at a time: otherwise a shop's own parallel calls for one person would spend the budgets.
remembered_persons: Remembered[int] = Remembered("remembered person", one_at_a_time=True)


def identify(
    site: Site,
    *,
    person_type: int,
    unique_id: str,
    values: str | None,
    separator: str,
    network: str = "",
    now: dt.datetime | None = None,
) -> Person:
    """The person whom ``values``, or with None or "" the stored identification of ``unique_id``, name; with their user.

    The visitor is made if there is none, and linked to the person; a link to somebody else ends. Not to be called inside a
    transaction. Raises, in this order, DefaultVisitor, SettingsMissing, PersonTypeUnusable, SeparatorMissing, TooManyFailures
    and NotIdentified.
    """
    if unique_id == DEFAULT_UNIQUE_ID:
        raise DefaultVisitor
    visitor = visiting.find(site, unique_id) if is_unique_id(unique_id) else None
    if visitor is None:
        read_settings(site)
    kind = PersonType.objects.filter(site=site, number=person_type).first()
    identifying = read_identifying(kind) if kind else []
    if kind is None or not identifying:
        raise PersonTypeUnusable
    parts = values.split(separator) if values else []
    if len(parts) == 1 < len(identifying):
        raise SeparatorMissing
    call = Call(site, kind, unique_id, visitor, network, now or clock.read())
    try:
        return by_values(call, identifying, parts) if values else by_what_is_stored(call)
    except NotIdentified:
        budgets.count_failure(call.of_network, call.now)
        raise


def is_unique_id(text: str) -> bool:
    return 0 < len(text) <= LONGEST_UNIQUE_ID and is_text(text)


def read_settings(site: Site) -> PrepaidSettings:
    """What a new visitor begins with. Raises SettingsMissing."""
    found = PrepaidSettings.objects.filter(site=site).first()
    if found is None or not (found.default_language and found.default_currency_code):
        raise SettingsMissing
    return found


def by_what_is_stored(call: Call) -> Person:
    """Nothing can be guessed here but the UniqueID, so a failure is counted once it is one."""
    refuse_while_spent(call, [call.of_visitor])
    stored = visiting.find_stored(call.visitor, call.kind, call.now) if call.visitor else None
    if stored is not None:
        with transaction.atomic(durable=True):
            person = lock_person(stored.person_id)
            if person is not None and visiting.use(stored, call.now):
                visiting.link(stored.visitor, person, call.now)
                return person
    raise failed([call.of_visitor], call.now)


def by_values(call: Call, identifying: Sequence[Characteristic], parts: Sequence[str]) -> Person:
    if len(parts) != len(identifying) or not is_unique_id(call.unique_id) or not all(map(is_value, parts)):
        refuse_while_spent(call, [call.of_visitor])
        raise failed([call.of_visitor], call.now)
    given = list(zip(identifying, map(comparable, identifying, parts), strict=True))
    readable = [(each, value) for each, value in given if each.kind != Characteristic.Kind.SECRET]
    secrets = [(each, value) for each, value in given if each.kind == Characteristic.Kind.SECRET]
    limits = [call.of_visitor, *(of_value(call.site, each, value) for each, value in readable)]
    refuse_while_spent(call, limits)
    alike = find_alike(call.kind, readable)

    def verify(*_: str) -> int:
        # Counted before a secret is looked at, so that parallel guesses get no more looks than one after another.
        if wait := budgets.count_failure(limits, call.now):
            raise TooManyFailures(wait)
        if not alike and secrets:
            knows_all({}, secrets)  # The work of a look, so that the time tells nothing.
        matching = [pk for pk, hashes in alike.items() if knows_all(hashes, secrets)]
        if len(matching) != 1:
            raise NotIdentified
        budgets.take_back(limits)
        return matching[0]

    # With their hashes among what is remembered, a secret that was changed is not believed for a moment longer.
    shown = [value for _, value in given]
    person_id = remembered_persons.find(verify, str(call.kind.pk), *shown, repr(alike))
    person = record(call, person_id, alike[person_id], readable)
    if person is None:
        raise failed(limits, call.now)
    return person


def refuse_while_spent(call: Call, limits: Sequence[Budget]) -> None:
    """Raises TooManyFailures."""
    if wait := budgets.seconds_until_free([*limits, *call.of_network], call.now):
        raise TooManyFailures(wait)


def is_value(text: str) -> bool:
    """Whether somebody could have a property of this value."""
    return 0 < len(text) <= LONGEST_VALUE and is_text(text)


def comparable(characteristic: Characteristic, value: str) -> str:
    """As it is compared with what is stored: exactly, but e-mail addresses in lower case."""
    return value.lower() if characteristic.kind == Characteristic.Kind.EMAIL else value


def of_value(site: Site, characteristic: Characteristic, value: str) -> Budget:
    """Of a value that is no secret: counting secrets would tell who else has one."""
    return Budget("identify value", f"{site.pk}|{characteristic.number}|{value}", FAILURES)


def failed(limits: Sequence[Budget], now: dt.datetime) -> IdentificationRefused:
    """The failure, counted; where others spent the budget meanwhile, that."""
    wait = budgets.count_failure(limits, now)
    return TooManyFailures(wait) if wait else NotIdentified()


def find_alike(kind: PersonType, readable: Sequence[tuple[Characteristic, str]]) -> dict[int, dict[int, str]]:
    """Persons of the type with these values, switched off or not, and their hashes by characteristic; too many count as none."""
    people = Person.objects.filter(person_type=kind)
    for characteristic, value in readable:
        people = people.filter(properties__characteristic=characteristic, properties__value=value)
    ids = list(people.order_by("pk").values_list("pk", flat=True)[: MOST_ALIKE + 1])
    if len(ids) > MOST_ALIKE:
        return {}
    found: dict[int, dict[int, str]] = {pk: {} for pk in ids}
    for each in PersonProperty.objects.filter(person__in=ids).exclude(secret_hash="").order_by("characteristic"):
        found[each.person_id][each.characteristic_id] = each.secret_hash
    return found


def knows_all(hashes: dict[int, str], secrets: Sequence[tuple[Characteristic, str]]) -> bool:
    """Looks at every secret, whether or not an earlier one was right."""
    return sum(knows(hashes.get(characteristic.pk, ""), value) for characteristic, value in secrets) == len(secrets)


def knows(secret_hash: str, value: str) -> bool:
    if not secret_hash:
        make_password(value)
        return False
    return check_password(value, secret_hash)


def record(
    call: Call, person_id: int, hashes: dict[int, str], readable: Sequence[tuple[Characteristic, str]]
) -> Person | None:
    """Store it and link the visitor; None if they are switched off, or are not any more as they were read before the look."""
    with transaction.atomic(durable=True):
        person = lock_person(person_id)
        if person is None or not is_still(person, hashes, readable):
            return None
        visitor = call.visitor or visiting.claim(call.site, call.unique_id, read_settings(call.site), call.now)
        visiting.remember(visitor, person, call.now)
        return person


def lock_person(person_id: int) -> Person | None:
    """None if they, or their user, are switched off."""
    locked = locking.lock_rows(Person.objects.filter(pk=person_id).select_related("user", "person_type"))
    return locked[0] if locked and locked[0].is_active and locked[0].user.is_active else None


def is_still(person: Person, hashes: dict[int, str], readable: Sequence[tuple[Characteristic, str]]) -> bool:
    has = {each.characteristic_id: each for each in person.properties.all()}
    return hashes == {pk: each.secret_hash for pk, each in has.items() if each.secret_hash} and all(
        each.pk in has and has[each.pk].value == value for each, value in readable
    )
