"""session_license and session_license_match: as their namesakes of offers, for a browser instead of a claimant.

The licences end with the browser login, and no account is changed. Source: access codes, section 4.
"""

from collections.abc import Sequence
from typing import Any

from accounts.models import BrowserLogin
from codes.actions.offers import ApplyOffer, ApplyOfferMatch
from codes.redemption.case import Case
from codes.refusals import TargetMissing


class SessionLicense(ApplyOffer):
    name = "session_license"
    label = "License what an offer sells, for one browser"
    for_browser = True

    def load(self, cases: Sequence[Case]) -> None:
        super().load(cases)
        load_browsers(cases)

    def holder(self, case: Case) -> dict[str, Any]:
        return browser_of(case)


class SessionLicenseMatch(ApplyOfferMatch):
    name = "session_license_match"
    label = "License every item that matches, for one browser"
    for_browser = True

    def load(self, cases: Sequence[Case]) -> None:
        super().load(cases)
        load_browsers(cases)

    def holder(self, case: Case) -> dict[str, Any]:
        return browser_of(case)


def load_browsers(cases: Sequence[Case]) -> None:
    """Which of the browsers are there: one may have ended since its request came."""
    wanted = {case.browser_id for case in cases if case.browser_id is not None}
    found = set(BrowserLogin.objects.filter(pk__in=wanted).values_list("pk", "site_id")) if wanted else set()
    for case in cases:
        case.extra["browsers"] = found


def browser_of(case: Case) -> dict[str, Any]:
    """Raises TargetMissing where there is no browser: no other door than "add" can give a licence to one."""
    browser_id = case.browser_id
    if browser_id is None or (browser_id, case.command.caller.site_id) not in case.extra["browsers"]:
        raise TargetMissing
    return {"browser_id": browser_id}
