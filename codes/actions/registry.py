"""Every action a code can have; adding one is one file and one line here."""

from codes.actions.base import Action
from codes.actions.credit import Credit
from codes.actions.fulfilment import Fulfilment
from codes.actions.offers import ApplyOffer, ApplyOfferMatch
from codes.actions.refund import Refund
from codes.actions.session_licences import SessionLicense, SessionLicenseMatch
from codes.actions.tags import AddTags

ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        *(Credit(), Refund(), AddTags(), Fulfilment()),
        *(ApplyOffer(), ApplyOfferMatch(), SessionLicense(), SessionLicenseMatch()),
    )
}
