"""mi_GetReturnCodeMessage: what the return codes mean, in English or in the original's German."""

from redemption_site.protocols.prepaid.answers import Answer, Row
from redemption_site.protocols.prepaid.calling import Call, Procedure
from redemption_site.protocols.prepaid.parameters import INT, Parameter
from redemption_site.protocols.prepaid.return_codes import MEANINGS, Meaning

ENGLISH, GERMAN = 1, 2


def run(call: Call) -> Answer:
    """One row for a code that there is, all without one; the detailed text is ours, and there is none in German."""
    wanted = call["ReturnCode"]
    german = call["LanguageID"] == GERMAN
    found = MEANINGS.values() if wanted is None else filter(None, [MEANINGS.get(wanted)])
    return Answer(result_sets=[[told(meaning, german) for meaning in found]])


def told(meaning: Meaning, german: bool) -> Row:
    return {
        "ReturnCode": meaning.code,
        "Description": meaning.original if german else meaning.description,
        "DetailedDescription": None if german else meaning.when,
    }


PROCEDURE = Procedure(
    "mi_GetReturnCodeMessage",
    run,
    parameters=(Parameter("ReturnCode", INT), Parameter("LanguageID", INT, among=(ENGLISH, GERMAN))),
)
