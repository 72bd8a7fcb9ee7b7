"""om_GetCashAccTransactions_Pu: what was booked on the account of the person who is identified, and its balance."""

from redemption_site.protocols.prepaid.answers import Answer
from redemption_site.protocols.prepaid.calling import Call, Procedure
from redemption_site.protocols.prepaid.cash import ACCOUNT_TYPE, told_statement
from redemption_site.protocols.prepaid.identification import IDENTIFICATION_PARAMETERS, identify
from redemption_site.protocols.prepaid.parameters import INSTANT_TYPE, Parameter


def run(call: Call) -> Answer:
    return told_statement(call, identify(call).pk)


PROCEDURE = Procedure(
    "om_GetCashAccTransactions_Pu",
    run,
    parameters=(*IDENTIFICATION_PARAMETERS, ACCOUNT_TYPE, Parameter("OnlyTransactionsSince", INSTANT_TYPE)),
)
