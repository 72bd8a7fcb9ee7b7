"""pm_CheckPersonIdentity_Pu: whether the values identify a person, and who that is."""

from accounts.models import PersonType
from redemption_site.protocols.prepaid.answers import Answer, Row
from redemption_site.protocols.prepaid.calling import Call, Procedure
from redemption_site.protocols.prepaid.identification import IDENTIFICATION_PARAMETERS, identify
from redemption_site.protocols.prepaid.parameters import BIT, INT, Parameter, VarChar
from redemption_site.protocols.prepaid.return_codes import NOT_WITH_THESE, Failed


def run(call: Call) -> Answer:
    """Identifies as every procedure does. Being asked for another way of it is refused, for silence would be taken as done."""
    if call["GrantAccessValues"] or call["CaseSensitive"] is False or not asks_as_set_up(call):
        raise Failed(NOT_WITH_THESE)
    person = identify(call)
    row: Row = {"PersonID": person.pk}
    return Answer(output=row, result_sets=[[row]] if call["SelectResult"] else ())


def asks_as_set_up(call: Call) -> bool:
    """Whether the characteristics that the caller names, if any, are those by which the type is identified, in their order."""
    wanted = call["IdentificationIDs"]
    if not wanted:
        return True
    kind = PersonType.objects.filter(site_id=call.site.pk, number=call["PersonTypeID"]).first()
    return kind is not None and wanted.split(call["SeparatorInIdentVals"]) == [str(each) for each in kind.identified_by]


PROCEDURE = Procedure(
    "pm_CheckPersonIdentity_Pu",
    run,
    parameters=(
        *IDENTIFICATION_PARAMETERS,
        Parameter("PersonID", INT),  # Only handed out: what is handed in plays no part.
        Parameter("SelectResult", BIT),
        Parameter("GrantAccessValues", VarChar(255)),
        Parameter("CaseSensitive", BIT),
        Parameter("IdentificationIDs", VarChar(255)),
    ),
    changes=True,
)
