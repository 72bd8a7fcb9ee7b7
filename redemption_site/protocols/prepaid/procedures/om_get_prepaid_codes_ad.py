"""om_GetPrepaidCodes_Ad: the codes that credit money, with their characters; audited as an export."""

import datetime as dt
from collections.abc import Iterator

from codes.prepaid_codes import Broken, PrepaidCode, Wanted, note_told, read_prepaid_codes
from redemption_site.protocols.prepaid.answers import Answer, Message, Row
from redemption_site.protocols.prepaid.calling import MORE_ROWS, Call, Procedure
from redemption_site.protocols.prepaid.parameters import INSTANT_TYPE, TINYINT, Parameter, VarChar
from redemption_site.protocols.prepaid.return_codes import FAULTY_DATA, Failed

ALL, USED, UNUSED = 0, 1, 2
NEWEST_FIRST, OLDEST_FIRST = "GeneratedAtDateAndTime DESC", "GeneratedAtDateAndTime"
ONE_SECOND = dt.timedelta(seconds=1)


def run(call: Call) -> Answer:
    """Newest first unless told otherwise. What was told is in the audit before any of it leaves."""
    wanted = Wanted(
        site_id=call.site.pk,
        code=call["PrepaidCode"],
        valid_until_from=later(call["FromCodeValidUntil"]),
        valid_until_to=later(call["ToCodeValidUntil"]),
        used={ALL: None, USED: True, UNUSED: False}[call["FilterByUseState"]],
        oldest_first=call["OrderBy"] == OLDEST_FIRST,
    )
    messages: list[Message] = []

    def rows() -> Iterator[Row]:
        room, told = call.asked.room, 0
        try:
            codes = read_prepaid_codes(wanted, room.rows)
            for code in codes:
                room.rows -= 1
                told += 1
                yield row_of(code)
        except Broken as broken:
            raise Failed(FAULTY_DATA, f"The characters of code {broken.place} cannot be read.") from broken
        if codes.more:
            messages.append(Message(MORE_ROWS))
        note_told(wanted, told, actor_id=call.actor_id, door="prepaid")

    return Answer(result_sets=[rows()], messages=messages)


def later(last_second: dt.datetime | None) -> dt.datetime | None:
    """The wire tells the last second in which a code is valid; the platform keeps the first one in which it is not."""
    try:
        return last_second and last_second + ONE_SECOND
    except OverflowError:
        return dt.datetime.max.replace(tzinfo=dt.UTC)


def row_of(code: PrepaidCode) -> Row:
    return {
        "PrepaidCode": code.shown,
        "PrepaidValue": code.asset.major(code.value),
        "CurrencyID": code.asset.pk,
        "CodeValidUntil": code.valid_until and code.valid_until - ONE_SECOND,
        "CodeAlreadyUsed": code.used,
        "UsedForTransactionID": code.transfer_id,
        "GeneratedByOrderID": code.shop_order,
        "GeneratedAtDateAndTime": code.issued_at,
    }


PROCEDURE = Procedure(
    "om_GetPrepaidCodes_Ad",
    run,
    parameters=(
        Parameter("PrepaidCode", VarChar(50, plain=False)),
        Parameter("FromCodeValidUntil", INSTANT_TYPE),
        Parameter("ToCodeValidUntil", INSTANT_TYPE),
        Parameter("FilterByUseState", TINYINT, default=UNUSED, null=False, among=(ALL, USED, UNUSED)),
        Parameter("OrderBy", VarChar(100), among=("", NEWEST_FIRST, OLDEST_FIRST)),
    ),
    permission="codes.export_codes",
    scope="export",
)
