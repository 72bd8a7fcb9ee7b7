"""apply_offer and apply_offer_match: licences on the terms of an offer, on the item it sells or on every item that matches.

Source: access codes, sections 4 and 6. What matches is decided once, when the code is redeemed, under its lock.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import orjson
from django.core.exceptions import ValidationError

from accounts import matching
from accounts.licensing import NewLicence, give_licences, take_licences_of
from accounts.models import Item
from accounts.offering import AccessId, OnOffer, find_offers
from codes.actions.base import Action, Effect, refuse_unknown, refuse_value
from codes.models import Attempt, Code
from codes.redemption.case import Case
from codes.redemption.rules import found
from codes.refusals import NoMatchingContent, OfferGone, TooManyMatches
from ledger.models import Asset

MOST_ITEMS = 1_000  # That one redemption may license.
MOST_TERMS = 100  # Of a specification: each is a condition of one statement.
LONGEST_TERM = 1_000
LARGEST_NUMBER = 2**63 - 1

OFFER, MATCH = "offer", "match"  # Codes of ValidationErrors: which of the parameters is wrong.

LicensedItem = tuple[int, str]  # ID, external ID.


class ApplyOffer(Action):
    name = "apply_offer"
    label = "License what an offer sells"
    parameters: ClassVar[tuple[str, ...]] = ("access_control",)

    def clean(self, site_id: int, parameters: dict[str, Any], asset: Asset | None, value: int) -> dict[str, Any]:
        """``{"access_control": "2dfe"}``: an offer's ID; as a number, that of an offer or of a licence whose terms are taken."""
        refuse_unknown(parameters, *self.parameters)
        refuse_value(asset, value)
        return {"access_control": read_access_control(site_id, parameters.get("access_control"))}

    def load(self, cases: Sequence[Case]) -> None:
        """The offers of all cases; a code that can no longer be used is refused before anybody asks what it would give."""
        cases = [case for case in cases if is_usable(case)]
        offers = {
            (site_id, access): on_offer
            for site_id, wanted in by_site(cases)
            for access, on_offer in find_offers(site_id, {access_control(case) for case in wanted}).items()
        }
        for case in cases:
            case.extra = {"offers": offers}

    def judge(self, case: Case) -> Effect:
        self.holder(case)
        on_offer = case.extra["offers"].get((found(case).site_id, access_control(case)))
        if on_offer is None:
            raise OfferGone
        items = self.items(case, on_offer)
        return Effect({"licences": [external_id for _, external_id in items]}, given={})

    def holder(self, case: Case) -> dict[str, Any]:
        """Who is to hold the licences, as NewLicence names them."""
        assert case.claimant is not None
        return {"user_id": case.claimant.id}

    def items(self, case: Case, on_offer: OnOffer) -> list[LicensedItem]:
        """What is licensed."""
        return [(on_offer.item_id, on_offer.item_external_id)]

    def perform(self, cases: Sequence[Case], now: dt.datetime) -> None:
        give_licences((licence for case in cases for licence in self.licences(case)), now)

    def licences(self, case: Case) -> Iterator[NewLicence]:
        on_offer = case.extra["offers"][found(case).site_id, access_control(case)]
        for item_id, _ in self.items(case, on_offer):
            yield NewLicence(
                site_id=found(case).site_id,
                item_id=item_id,
                on_offer=on_offer,
                given_by=case.id,
                **self.holder(case),
            )

    def take_back(self, attempt: Attempt, actor_id: str, now: dt.datetime) -> None:
        take_licences_of(attempt.pk, actor_id, now)


class ApplyOfferMatch(ApplyOffer):
    """The terms are the offer's; the item that it sells plays no part."""

    name = "apply_offer_match"
    label = "License every item that matches"
    parameters = ("access_control", "match")

    def clean(self, site_id: int, parameters: dict[str, Any], asset: Asset | None, value: int) -> dict[str, Any]:
        """As of apply_offer, and ``"match": {"all": ["ProductId:1"], "any": […], "excluded": […]}``, each part optional."""
        return {**super().clean(site_id, parameters, asset, value), "match": read_match(parameters.get("match"))}

    def load(self, cases: Sequence[Case]) -> None:
        """One statement for each different specification, and one for all that they found."""
        super().load(cases)
        cases = [case for case in cases if is_usable(case)]
        asked = {specification(case): found(case).parameters["match"] for case in cases}
        ids = {key: matching.matching_items(key[0], match, MOST_ITEMS) for key, match in asked.items()}
        licensed = {item for matched in ids.values() if len(matched) <= MOST_ITEMS for item in matched}
        names = dict(Item.objects.filter(pk__in=licensed).values_list("pk", "external_id")) if licensed else {}
        matches = {
            key: None if len(matched) > MOST_ITEMS else [(item, names[item]) for item in matched if item in names]
            for key, matched in ids.items()
        }
        for case in cases:
            case.extra["matches"] = matches

    def items(self, case: Case, on_offer: OnOffer) -> list[LicensedItem]:
        matched: list[LicensedItem] | None = case.extra["matches"][specification(case)]
        if matched is None:
            raise TooManyMatches
        if not matched:
            raise NoMatchingContent
        return matched


def access_control(case: Case) -> AccessId:
    wanted: AccessId = found(case).parameters["access_control"]
    return wanted


def specification(case: Case) -> tuple[int, bytes]:
    """The case's match specification, as a key by which equal ones of a site are known."""
    return found(case).site_id, orjson.dumps(found(case).parameters["match"], option=orjson.OPT_SORT_KEYS)


def is_usable(case: Case) -> bool:
    """Whether the code could be redeemed if nothing else were wrong; in a list it only ever loses that."""
    return found(case).state == Code.State.ACTIVE and found(case).uses < found(case).max_uses


def by_site(cases: Sequence[Case]) -> list[tuple[int, list[Case]]]:
    sites: dict[int, list[Case]] = {}
    for case in cases:
        sites.setdefault(found(case).site_id, []).append(case)
    return list(sites.items())


def refused(parameter: str, sentence: str) -> ValidationError:
    return ValidationError({"parameters": [ValidationError(sentence, code=parameter)]})


def read_access_control(site_id: int, wanted: Any) -> AccessId:
    """Raises ValidationError unless the site has it."""
    if not isinstance(wanted, str | int) or isinstance(wanted, bool):
        raise refused(OFFER, "Give the ID or the number of an offer (access_control).")
    is_possible = len(wanted) <= 100 if isinstance(wanted, str) else 0 <= wanted <= LARGEST_NUMBER
    if not is_possible or wanted not in find_offers(site_id, {wanted}):
        raise refused(OFFER, f"No such offer: {str(wanted)[:100]}")
    return wanted


def read_match(match: Any) -> dict[str, list[str]]:
    """The parts that have terms. Raises ValidationError if it is none, or would match whatever is not excluded."""
    if not isinstance(match, Mapping) or not match or set(match) - set(matching.PARTS):
        raise refused(MATCH, "Say what is to match in all, any or excluded, and in nothing else.")
    if not all(isinstance(terms, list) and all(isinstance(term, str) for term in terms) for terms in match.values()):
        raise refused(MATCH, "Give all, any and excluded as lists of search terms.")
    if not match.get("all") and not match.get("any"):
        raise refused(MATCH, "Give at least one search term in all or any.")
    terms = [term for part in match.values() for term in part]
    if len(terms) > MOST_TERMS:
        raise refused(MATCH, f"Give up to {MOST_TERMS} search terms.")
    if too_long := [term for term in terms if len(term) > LONGEST_TERM]:
        raise refused(MATCH, f"Invalid search term: {too_long[0][:100]}…")
    try:
        matching.read_terms(match)
    except matching.InvalidTerm as invalid:
        raise refused(MATCH, f"Invalid search term: {invalid.term}") from invalid
    return {part: list(match[part]) for part in matching.PARTS if match.get(part)}
