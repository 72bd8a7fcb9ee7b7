"""om_GetCustomerCashAccounts_Pu: the accounts of the person who is identified."""

from redemption_site.protocols.prepaid.answers import Answer
from redemption_site.protocols.prepaid.calling import Call, Procedure
from redemption_site.protocols.prepaid.cash import account_row, accounts_of
from redemption_site.protocols.prepaid.identification import IDENTIFICATION_PARAMETERS, identify


def run(call: Call) -> Answer:
    person = identify(call)
    return Answer(result_sets=[[account_row(each) for each in accounts_of(call).filter(owner=person.user_id)]])


PROCEDURE = Procedure("om_GetCustomerCashAccounts_Pu", run, parameters=IDENTIFICATION_PARAMETERS)
