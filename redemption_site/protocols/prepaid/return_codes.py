"""The 22 return codes of the contract's section 6: their numbers, what they mean, and when a procedure returns them.

The one table of them. ``mi_GetReturnCodeMessage`` reads it, the answers take their Description from it, and a test compares the
README with it.
"""

from dataclasses import dataclass

SUCCESS = 0
WRONG_PARAMETERS = -500
WRONG_TABLE = -501
NO_SEPARATOR = -502
FAULTY_DATA = -503
UNSOLVABLE = -504
NOT_REGISTERED = -510
NOT_CONVERTIBLE = -530
NOT_IN_THE_PAST = -535
SETTINGS_WRONG = -550
NOT_WITH_THESE = -566
NOT_NOW = -567
NO_RIGHT = -569
LICENCE_ENDED = -599
DEFAULT_VISITOR = -602
PERSON_TYPE_WRONG = -621
NOT_IDENTIFIED = -660
CODE_UNKNOWN = -1301
CODE_EXPIRED = -1302
CODE_USED = -1303
NOT_COVERED = -1321
ACCOUNT_STATUS = -1322
ACCOUNT_MISSING = -1323


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code says in English (the ``Description`` that is sent) and in the original's German, and when it is returned.

    ``never``: no procedure of this platform returns it; ``when`` then gives the reason.
    """

    code: int
    description: str
    original: str
    when: str
    never: bool = False


MEANINGS: dict[int, Meaning] = {
    meaning.code: meaning
    for meaning in (
        Meaning(
            ACCOUNT_MISSING,
            "The person has no account of the given type",
            "Die Person besitzt kein Konto zum angegebenen Typ",
            "There is no such account; redeeming never opens one.",
        ),
        Meaning(
            ACCOUNT_STATUS,
            "Transaction cannot be carried out because the status of the account does not permit it",
            "Transaktion kann nicht durchgeführt weden, da der Status des Kontos dies nicht erlaubt",
            "The account has status 2, or status 1 and value would leave it.",
        ),
        Meaning(
            NOT_COVERED,
            "Transaction cannot be carried out because the account has insufficient cover",
            "Transaktion kann nicht durchgeführt weden, da das Konto keine ausreichende Deckung aufweist",
            "The balance would be below the account's minimum afterwards.",
        ),
        Meaning(
            CODE_USED,
            "Validation failed because the maximum number of redemptions for this code has been reached",
            "Validierung fehlgeschlagen, da die maximale Menge an Einlösungen für diesen Code erreicht ist",
            "The code was redeemed already, or its limits leave no redemption now.",
        ),
        Meaning(
            CODE_EXPIRED,
            "Validation failed because the code is no longer valid",
            "Validierung fehlgeschlagen, da der Code nicht mehr gültig ist",
            "The code has expired, is not valid yet, or was switched off.",
        ),
        Meaning(
            CODE_UNKNOWN,
            "Validation failed because the code does not exist",
            "Validierung fehlgeschlagen, da der Code nicht existiert",
            "There is no such code for this person, or it does not credit money.",
        ),
        Meaning(
            NOT_IDENTIFIED,
            "Identification failed",
            "Identifikation fehlgeschlagen",
            "The values are nobody's, are not stored, or the person was switched off.",
        ),
        Meaning(
            PERSON_TYPE_WRONG,
            "Missing or wrong entry in PersonTypeSettings",
            "Fehlender oder falscher Eintrag in PersonTypeSettings",
            "The person type is unknown, or how it is identified is not set up.",
        ),
        Meaning(
            DEFAULT_VISITOR,
            "No data can be stored or changed for the default unique ID (`VisitorID` = -2)",
            "Zur defaultUniqueID („VisitorID = -2“) können keinerlei Daten gespeichert oder verändert werden",
            "The UniqueID is defaultUniqueID.",
        ),
        Meaning(
            LICENCE_ENDED,
            "Licence is invalid or expired",
            "Lizenz ist ungültig oder abgelaufen",
            "The tenant's licence has ended.",
        ),
        Meaning(
            NO_RIGHT,
            "The user has no right to execute the procedure",
            "Der Benutzer hat kein Ausführungsrecht für die Prozedur",
            "A procedure ending in _Ad without credentials, or by a user without the right.",
        ),
        Meaning(
            NOT_NOW,
            "The procedure may not be executed at present",
            "Die Prozedur darf z. Zt. nicht ausgeführt werden",
            "The maintenance switch is on, or there were too many failures.",
        ),
        Meaning(
            NOT_WITH_THESE,
            "The procedure may not be executed with the parameters passed",
            "Die Prozedur darf mit den übergebenen Parametern nicht ausgeführt werden",
            "A rule of the tenant or of the account forbids it, such as a person type that may not redeem.",
        ),
        Meaning(
            SETTINGS_WRONG,
            "Missing or wrong entry in Settings",
            "Fehlender oder falscher Eintrag in Settings",
            "The default language or currency is needed and is not set.",
        ),
        Meaning(
            NOT_IN_THE_PAST,
            "The date is not in the past",
            "Das Datum liegt nicht in der Vergangenheit",
            "OnlyTransactionsSince is later than now. Never by a redemption.",
        ),
        Meaning(
            NOT_CONVERTIBLE,
            "The value cannot be converted",
            "Der Wert ist nicht konvertierbar",
            "The value of a parameter is not of its type.",
        ),
        Meaning(
            NOT_REGISTERED,
            "The user is not registered",
            "Der Benutzer ist nicht registriert",
            "The HTTP user exists, but not for the tenant of this host.",
        ),
        Meaning(
            UNSOLVABLE,
            "A problem occurred that cannot be solved, the procedure is aborted",
            "Es ist ein Problem aufgetreten, das nicht gelöst werden kann, Prozedur wird daher abgebrochen",
            "The currencies differ, a lock was not obtained in time, or an unexpected error.",
        ),
        Meaning(
            FAULTY_DATA,
            "Faulty data in a table; a more detailed message is on standard output",
            "Fehlerhafte Daten in einer Tabelle - genauere Fehlermeldung auf der Standardausgabe",
            "Stored data contradict each other; the details are in Messages and in the log.",
        ),
        Meaning(
            NO_SEPARATOR,
            "The parameter values cannot be processed (no suitable separator)",
            "Die Parameter-Werte der Prozedur können nicht verarbeitet werden (kein passendes Trennzeichen)",
            "Several values are needed and the separator does not occur.",
        ),
        Meaning(
            WRONG_TABLE,
            "Parameter `TableID` and/or `TableKeyID` is invalid",
            "Der Parameter „TableID“ und/oder der Parameter „TableKeyID“ ist ungültig",
            "No procedure of this platform has these parameters.",
            never=True,
        ),
        Meaning(
            WRONG_PARAMETERS,
            "Wrong parameters",
            "Falsche Parameter",
            "A parameter is missing, unknown, given twice, NULL where it must not be, too long or out of its range.",
        ),
    )
}


class Failed(Exception):
    """The procedure ends with this negative code; ``details`` become messages of the answer."""

    def __init__(self, code: int, *details: str) -> None:
        super().__init__(code)
        self.code = code
        self.details = details
