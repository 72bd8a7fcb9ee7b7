"""om_ModifyCustomerCashAcc_Ad: an account's status and minimum; closing one for good."""

from ledger.cash_accounts import AccountNotEmpty, change_account, close_empty_account
from redemption_site.protocols.prepaid.answers import Answer
from redemption_site.protocols.prepaid.calling import Call, Procedure
from redemption_site.protocols.prepaid.cash import (
    ACCOUNT_TYPE,
    CURRENCY,
    PERSON,
    STATE,
    find_account,
    least_balance,
    minor_units,
)
from redemption_site.protocols.prepaid.parameters import BIT, MONEY, TINYINT, Parameter
from redemption_site.protocols.prepaid.return_codes import NOT_WITH_THESE, Failed


def run(call: Call) -> Answer:
    """An account is never deleted, for its bookings stay: one that holds nothing is closed. Its currency never changes."""
    account = find_account(call, call["PersonID"])
    if call["CurrencyID"] not in (None, account.asset_id):
        raise Failed(NOT_WITH_THESE)
    reason = f"called {PROCEDURE.name}"
    if call["DeleteAccount"]:
        try:
            close_empty_account(account, actor_id=call.actor_id, reason=reason)
        except AccountNotEmpty as error:
            raise Failed(NOT_WITH_THESE) from error
        return Answer()
    minimum, status = call["MinAccountBalance"], call["AccountStatus"]
    asset = account.asset
    change_account(
        account,
        state=None if status is None else STATE[status],
        floor=least_balance(call, asset) if minimum is None else minor_units(asset, minimum),
        actor_id=call.actor_id,
        reason=reason,
    )
    return Answer()


PROCEDURE = Procedure(
    "om_ModifyCustomerCashAcc_Ad",
    run,
    parameters=(
        PERSON,
        ACCOUNT_TYPE,
        CURRENCY,
        Parameter("AccountStatus", TINYINT, default=0, among=STATE),
        Parameter("MinAccountBalance", MONEY),
        Parameter("DeleteAccount", BIT, default=False),
    ),
    aliases=("om_ModifyCustomerCashAccounts_Ad",),
    changes=True,
    permission="ledger.grant_value",
    scope="cash",
)
