"""Every procedure there is, by its name and by its aliases: all that can be called is in this list."""

from redemption_site.protocols.prepaid.calling import Procedure
from redemption_site.protocols.prepaid.procedures import (
    mi_get_return_code_message,
    mi_get_units,
    om_create_customer_cash_acc_pu,
    om_get_cash_acc_transact_types_ad,
    om_get_cash_acc_transactions_ad,
    om_get_cash_acc_transactions_pu,
    om_get_cash_account_types,
    om_get_customer_cash_accounts_ad,
    om_get_customer_cash_accounts_pu,
    om_get_prepaid_codes_ad,
    om_modify_customer_cash_acc_ad,
    om_perform_cash_acc_transact_ad,
    om_redeem_prepaid_code_pu,
    pm_check_person_identity_pu,
)

ALL: tuple[Procedure, ...] = (
    om_redeem_prepaid_code_pu.PROCEDURE,
    om_get_customer_cash_accounts_pu.PROCEDURE,
    om_get_customer_cash_accounts_ad.PROCEDURE,
    om_get_cash_acc_transactions_pu.PROCEDURE,
    om_get_cash_acc_transactions_ad.PROCEDURE,
    om_get_cash_account_types.PROCEDURE,
    om_get_cash_acc_transact_types_ad.PROCEDURE,
    om_get_prepaid_codes_ad.PROCEDURE,
    om_create_customer_cash_acc_pu.PROCEDURE,
    om_modify_customer_cash_acc_ad.PROCEDURE,
    om_perform_cash_acc_transact_ad.PROCEDURE,
    pm_check_person_identity_pu.PROCEDURE,
    mi_get_return_code_message.PROCEDURE,
    mi_get_units.PROCEDURE,
)
PROCEDURES: dict[str, Procedure] = {
    name: procedure for procedure in ALL for name in (procedure.name, *procedure.aliases)
}
