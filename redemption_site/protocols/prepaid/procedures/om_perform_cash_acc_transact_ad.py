"""om_PerformCashAccTransact_Ad: a payout, a correction or a top-up by hand, now or from a date on."""

from ledger.cash_accounts import perform
from ledger.models import LedgerTransaction
from redemption_site.protocols.prepaid.answers import Answer
from redemption_site.protocols.prepaid.calling import Call, Procedure
from redemption_site.protocols.prepaid.cash import (
    ACCOUNT_TYPE,
    CORRECTION,
    CURRENCY,
    GRANT,
    PAYOUT,
    PERSON,
    find_account,
    minor_units,
)
from redemption_site.protocols.prepaid.parameters import (
    INSTANT_TYPE,
    MANDATORY,
    MONEY,
    TINYINT,
    Parameter,
    VarChar,
)
from redemption_site.protocols.prepaid.return_codes import UNSOLVABLE, WRONG_PARAMETERS, Failed

Type = LedgerTransaction.Type
TYPES = {PAYOUT: Type.PAYOUT, CORRECTION: Type.CORRECTION, GRANT: Type.GRANT}


def run(call: Call) -> Answer:
    """The sign must be the type's: value leaves by a payout and a correction, and comes by a top-up."""
    value, number = call["TransactionValue"], call["TransactionTypeID"]
    if not value or (value > 0) != (number == GRANT):
        raise Failed(WRONG_PARAMETERS)
    account = find_account(call, call["PersonID"])
    if call["CurrencyID"] not in (None, account.asset_id):
        raise Failed(UNSOLVABLE)
    perform(
        account,
        TYPES[number],
        minor_units(account.asset, abs(value)),
        comment=call["TransactionComment"],
        actor_id=call.actor_id,
        internal_comment=call["InternalComment"] or "",
        due_at=call["SuspendUntil"],
    )
    return Answer()


PROCEDURE = Procedure(
    "om_PerformCashAccTransact_Ad",
    run,
    parameters=(
        PERSON,
        ACCOUNT_TYPE,
        Parameter("TransactionTypeID", TINYINT, default=MANDATORY, null=False, among=TYPES),
        Parameter("TransactionValue", MONEY, default=MANDATORY, null=False),
        Parameter("TransactionComment", VarChar(100, visible=True), default=MANDATORY, null=False),
        CURRENCY,
        Parameter("SuspendUntil", INSTANT_TYPE),
        Parameter("InternalComment", VarChar(255)),
    ),
    aliases=("om_PerformCashAccountTransaction_Ad",),
    changes=True,
    permission="ledger.grant_value",
    scope="cash",
)
