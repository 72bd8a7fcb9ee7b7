"""mi_GetUnits: the currencies, as other procedures name them in CurrencyID."""

from ledger.models import Asset
from redemption_site.protocols.prepaid.answers import Answer, Row
from redemption_site.protocols.prepaid.calling import Call, Procedure
from redemption_site.protocols.prepaid.parameters import BIT, INT, TINYINT, Parameter

CURRENCY = 1  # The only category of units.


def run(call: Call) -> Answer:
    """Every currency is active; a category that there is not has no units."""
    units = Asset.objects.filter(kind=Asset.Kind.MONEY).order_by("pk")
    if call["UnitCategoryID"] not in (None, CURRENCY) or call["Active"] is False:
        units = units.none()
    if call["UnitID"] is not None:
        units = units.filter(pk=call["UnitID"])
    rows: list[Row] = [
        {"UnitID": unit.pk, "UnitSymbol": unit.code, "UnitDescription": unit.name, "Active": True} for unit in units
    ]
    return Answer(result_sets=[rows])


PROCEDURE = Procedure(
    "mi_GetUnits",
    run,
    parameters=(
        Parameter("UnitCategoryID", TINYINT, default=CURRENCY),
        Parameter("UnitID", INT),
        Parameter("Active", BIT, default=True),
    ),
)
