"""om_GetCashAccTransactions_Ad: what was booked on a person's account, and its balance."""

from redemption_site.protocols.prepaid.answers import Answer
from redemption_site.protocols.prepaid.calling import Call, Procedure
from redemption_site.protocols.prepaid.cash import ACCOUNT_TYPE, PERSON, told_statement
from redemption_site.protocols.prepaid.parameters import INSTANT_TYPE, Parameter


def run(call: Call) -> Answer:
    return told_statement(call, call["PersonID"])


PROCEDURE = Procedure(
    "om_GetCashAccTransactions_Ad",
    run,
    parameters=(PERSON, ACCOUNT_TYPE, Parameter("OnlyTransactionsSince", INSTANT_TYPE)),
    permission="ledger.view_transfer",
    scope="read",
)
