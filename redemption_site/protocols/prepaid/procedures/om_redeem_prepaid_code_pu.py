"""om_RedeemPrepaidCode_Pu: top up a person's cash account with a code. Source: prepaid engine, sections 4, 6 and 7."""

from accounts.callers import caller_for_user
from accounts.models import PersonType
from codes.redemption.commands import PREPAID_DOOR, RedeemCode
from codes.redemption.engine import redeem_code
from redemption_site.protocols.prepaid.answers import Answer
from redemption_site.protocols.prepaid.calling import Call, Procedure
from redemption_site.protocols.prepaid.identification import (
    PERSON_TYPE,
    SEPARATOR,
    UNIQUE_ID,
    VALUES,
    identify,
)
from redemption_site.protocols.prepaid.parameters import MANDATORY, Parameter, VarChar
from redemption_site.protocols.prepaid.return_codes import NOT_WITH_THESE, Failed

# Whatever else is no character of a code the platform's look-up drops.
CODE = Parameter("PrepaidCode", VarChar(50, visible=True, plain=False), default=MANDATORY, null=False)
COMMENT = Parameter("TransactionComment", VarChar(100, visible=True), default=MANDATORY, null=False)


def run(call: Call) -> Answer:
    """Identification comes before the code is looked at, and stays whatever becomes of the code."""
    number = call["PersonTypeID"]
    if PersonType.objects.filter(site_id=call.site.pk, number=number, may_redeem=False).exists():
        raise Failed(NOT_WITH_THESE)
    person = identify(call)
    redeem_code(
        RedeemCode(
            caller=caller_for_user(person.user, call.site, call.asked.network),
            code=call["PrepaidCode"].strip(),
            claimant_id=person.user.claimant_id,
            door=PREPAID_DOOR,
            comment=call["TransactionComment"],
        )
    )
    return Answer()


PROCEDURE = Procedure(
    "om_RedeemPrepaidCode_Pu",
    run,
    parameters=(CODE, VALUES, PERSON_TYPE, UNIQUE_ID, COMMENT, SEPARATOR),
    changes=True,
)
