"""Who an account belongs to, in the procedures that are called by its holder. Source: prepaid engine, sections 4 and 5."""

from accounts import identifying
from accounts.identifying import IdentificationRefused
from accounts.models import Person
from redemption_site.protocols.prepaid.calling import Call
from redemption_site.protocols.prepaid.parameters import MANDATORY, TINYINT, Parameter, VarChar
from redemption_site.protocols.prepaid.refusals import IDENTIFICATION
from redemption_site.protocols.prepaid.return_codes import Failed

VALUES = Parameter("PersonIdentificationValues", VarChar(255), default=MANDATORY)
PERSON_TYPE = Parameter("PersonTypeID", TINYINT, default=MANDATORY, null=False)
UNIQUE_ID = Parameter("UniqueID", VarChar(50, filled=True), default=MANDATORY, null=False)
SEPARATOR = Parameter("SeparatorInIdentVals", VarChar(4, filled=True), default="¶", null=False)
IDENTIFICATION_PARAMETERS = (VALUES, PERSON_TYPE, UNIQUE_ID, SEPARATOR)


def identify(call: Call) -> Person:
    """The person, whom the visitor is linked to from now on. Raises Failed."""
    try:
        return identifying.identify(
            call.site,
            person_type=call["PersonTypeID"],
            unique_id=call["UniqueID"],
            values=call["PersonIdentificationValues"] or None,
            separator=call["SeparatorInIdentVals"],
            network=call.asked.network,
        )
    except IdentificationRefused as refused:
        raise Failed(IDENTIFICATION[type(refused)]) from refused
