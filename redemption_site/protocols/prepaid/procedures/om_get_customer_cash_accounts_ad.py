"""om_GetCustomerCashAccounts_Ad: the accounts of a person, or of all."""

from redemption_site.protocols.prepaid.answers import Answer
from redemption_site.protocols.prepaid.calling import Call, Procedure
from redemption_site.protocols.prepaid.cash import PERSON, account_row, accounts_of, within


def run(call: Call) -> Answer:
    """Without a person, everybody's, as far as the answer has room; a person there is not has none."""
    room, accounts = call.asked.room, accounts_of(call)
    if call["PersonID"] is not None:
        accounts = accounts.filter(owner__person=call["PersonID"])
    return within(room, (account_row(each) for each in accounts[: room.rows + 1].iterator(1_000)))


PROCEDURE = Procedure(
    "om_GetCustomerCashAccounts_Ad",
    run,
    parameters=(PERSON,),
    permission="ledger.view_ledgeraccount",
    scope="read",
)
