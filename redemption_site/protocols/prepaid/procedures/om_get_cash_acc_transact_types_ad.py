"""om_GetCashAccTransactTypes_Ad: the types of transactions, their sign, and which of them the account's holder causes."""

from redemption_site.protocols.prepaid.answers import Answer, Row
from redemption_site.protocols.prepaid.calling import Call, Procedure
from redemption_site.protocols.prepaid.cash import GRANT, TOP_UP, TRANSACTION_TYPES


def run(call: Call) -> Answer:
    rows: list[Row] = [
        {
            "TransactionTypeID": number,
            "TransactionType": name,
            "PositiveTransactionValues": number in (TOP_UP, GRANT),
            "AccountHolderTransactions": number == TOP_UP,
        }
        for number, name in TRANSACTION_TYPES.items()
    ]
    return Answer(result_sets=[rows])


PROCEDURE = Procedure("om_GetCashAccTransactTypes_Ad", run, permission="ledger.view_ledgertransaction", scope="read")
