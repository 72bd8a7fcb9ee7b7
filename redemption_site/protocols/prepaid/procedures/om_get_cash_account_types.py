"""om_GetCashAccountTypes: the account types, of which there is one."""

from decimal import Decimal

from redemption_site.protocols.prepaid.answers import Answer, Row
from redemption_site.protocols.prepaid.calling import Call, Procedure
from redemption_site.protocols.prepaid.cash import CREDIT_ACCOUNT, CREDIT_ACCOUNT_NAME


def run(call: Call) -> Answer:
    row: Row = {
        "CashAccountTypeID": CREDIT_ACCOUNT,
        "CashAccountType": CREDIT_ACCOUNT_NAME,
        "MinAccountBalance": call.settings.least_balance if call.settings else Decimal(),
    }
    return Answer(result_sets=[[row]])


PROCEDURE = Procedure("om_GetCashAccountTypes", run)
