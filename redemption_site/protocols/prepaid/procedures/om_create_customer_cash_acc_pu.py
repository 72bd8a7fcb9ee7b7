"""om_CreateCustomerCashAcc_Pu: open the account of the person who is identified."""

from ledger.cash_accounts import AccountExists, open_cash_account
from ledger.models import Asset
from redemption_site.protocols.prepaid.answers import Answer
from redemption_site.protocols.prepaid.calling import Call, Procedure
from redemption_site.protocols.prepaid.cash import (
    ACCOUNT_TYPE,
    CURRENCY,
    find_currency,
    is_known_type,
    least_balance,
)
from redemption_site.protocols.prepaid.identification import IDENTIFICATION_PARAMETERS, identify
from redemption_site.protocols.prepaid.return_codes import SETTINGS_WRONG, WRONG_PARAMETERS, Failed


def run(call: Call) -> Answer:
    """A person has one account of the type; opening it again is refused as the parameters' fault."""
    if not is_known_type(call["CashAccountTypeID"]):
        raise Failed(WRONG_PARAMETERS)
    wanted = call["CurrencyID"]
    asset = default_currency(call) if wanted is None else find_currency(wanted)
    floor = least_balance(call, asset)
    person = identify(call)
    try:
        open_cash_account(person.user, asset, floor=floor, actor_id=person.user.claimant_id)
    except AccountExists as error:
        raise Failed(WRONG_PARAMETERS) from error
    return Answer()


def default_currency(call: Call) -> Asset:
    """Raises Failed where the settings name none."""
    code = call.settings.default_currency_code if call.settings else ""
    found = Asset.objects.filter(code=code, kind=Asset.Kind.MONEY).first()
    if found is None:
        raise Failed(SETTINGS_WRONG)
    return found


PROCEDURE = Procedure(
    "om_CreateCustomerCashAcc_Pu",
    run,
    parameters=(*IDENTIFICATION_PARAMETERS, ACCOUNT_TYPE, CURRENCY),
    aliases=("om_CreateCustomerCashAccount_Pu",),
    changes=True,
)
