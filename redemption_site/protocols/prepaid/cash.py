"""Cash accounts on the wire: the one account type, statuses, currencies and money, for the procedures that have to do with them."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from itertools import islice

from django.db.models import QuerySet

from accounts import clock
from accounts.models import Person
from ledger.models import MOST, Asset, LedgerAccount, LedgerTransaction
from ledger.statement import Entry, read_statement
from redemption_site.protocols.prepaid.answers import Answer, Message, Row
from redemption_site.protocols.prepaid.calling import MORE_ROWS, Call, Room
from redemption_site.protocols.prepaid.parameters import INT, TINYINT, Parameter
from redemption_site.protocols.prepaid.return_codes import (
    ACCOUNT_MISSING,
    NOT_IN_THE_PAST,
    SETTINGS_WRONG,
    WRONG_PARAMETERS,
    Failed,
)

CREDIT_ACCOUNT = 1  # The only account type.
CREDIT_ACCOUNT_NAME = "Guthaben"

ACCOUNT_TYPE = Parameter("CashAccountTypeID", TINYINT)  # NULL: the only one there is.
CURRENCY = Parameter("CurrencyID", INT)
PERSON = Parameter("PersonID", INT)

STATUS = {LedgerAccount.State.OPEN: 0, LedgerAccount.State.CREDIT_ONLY: 1, LedgerAccount.State.CLOSED: 2}
STATE = {status: state for state, status in STATUS.items()}

Type = LedgerTransaction.Type
PAYOUT, CORRECTION, TOP_UP, GRANT = 2, 3, 5, 7
TRANSACTION_TYPES = {
    PAYOUT: "Payout",
    CORRECTION: "Manual correction",
    TOP_UP: "Credit top-up by entering a code",
    GRANT: "Manual top-up",
}
# What the ledger knows besides is told as what it comes nearest to: value that staff took, or gave.
WIRE_TYPE = {
    **{Type.PAYOUT: PAYOUT, Type.SPEND: PAYOUT, Type.CORRECTION: CORRECTION},
    **{Type.CREDIT: TOP_UP, Type.REFUND: TOP_UP, Type.GRANT: GRANT},
}
PAGE = 1_000


def is_known_type(number: int | None) -> bool:
    return number in (None, CREDIT_ACCOUNT)


def accounts_of(call: Call) -> "QuerySet[LedgerAccount]":
    """The cash accounts of the site's persons, each with its asset and person."""
    owned = LedgerAccount.objects.filter(kind=LedgerAccount.Kind.CASH, owner__person__site_id=call.site.pk)
    return owned.select_related("asset", "owner__person").order_by("owner__person")


def find_account(call: Call, person_id: int | None) -> LedgerAccount:
    """The person's account of the type asked for. Raises Failed."""
    found = None
    if person_id is not None and is_known_type(call["CashAccountTypeID"]):
        found = accounts_of(call).filter(owner__person=person_id).first()
    if found is None:
        raise Failed(ACCOUNT_MISSING)
    return found


def find_person(call: Call, person_id: int) -> Person | None:
    return Person.objects.select_related("user").filter(pk=person_id, site_id=call.site.pk).first()


def find_currency(number: int) -> Asset:
    """Raises Failed on what is no currency."""
    found = Asset.objects.filter(pk=number, kind=Asset.Kind.MONEY).first()
    if found is None:
        raise Failed(WRONG_PARAMETERS)
    return found


def minor_units(asset: Asset, value: Decimal) -> int:
    """The amount in the currency's minor units. Raises Failed: more decimal places than it has are refused, never rounded."""
    scaled = value.scaleb(asset.exponent)
    if scaled != scaled.to_integral_value() or abs(scaled) > MOST:
        raise Failed(WRONG_PARAMETERS)
    return int(scaled)


def least_balance(call: Call, asset: Asset) -> int:
    """The minimum of the account type, in minor units. Raises Failed where it cannot be said in the currency."""
    try:
        return minor_units(asset, call.settings.least_balance) if call.settings else 0
    except Failed as failed:
        raise Failed(SETTINGS_WRONG) from failed


def account_row(account: LedgerAccount) -> Row:
    assert account.owner is not None
    return {
        "PersonID": account.owner.person.pk,
        "CashAccountTypeID": CREDIT_ACCOUNT,
        "CashAccountType": CREDIT_ACCOUNT_NAME,
        "CurrencyID": account.asset_id,
        "AccountStatus": STATUS[LedgerAccount.State(account.state)],
        "MinAccountBalance": account.asset.major(account.floor),
    }


def within(room: Room, rows: Iterable[Row]) -> Answer:
    """One result set of as many rows as the request still has room for; a message says if there are more."""
    more: list[Message] = []

    def taken() -> Iterator[Row]:
        some = iter(rows)
        for row in islice(some, room.rows):
            room.rows -= 1
            yield row
        if next(some, None) is not None:
            more.append(Message(MORE_ROWS))

    return Answer(result_sets=[taken()], messages=more)


def refuse_future(since: datetime | None) -> None:
    """Raises Failed: nothing has been booked after now."""
    if since is not None and since > clock.read():
        raise Failed(NOT_IN_THE_PAST)


def told_statement(call: Call, person_id: int | None) -> Answer:
    """The account's balance, and its entries newest first."""
    refuse_future(call["OnlyTransactionsSince"])
    account = find_account(call, person_id)
    first = read_statement(account, call["OnlyTransactionsSince"], limit=PAGE)

    def rows() -> Iterator[Row]:
        page = first
        while True:
            for entry in page.entries:
                yield entry_row(account, entry)
            if page.next is None:
                return
            page = read_statement(account, call["OnlyTransactionsSince"], after=page.next, limit=PAGE)

    told = within(call.asked.room, rows())
    return Answer(
        output={"AccountBalance": account.asset.major(first.balance)},
        result_sets=told.result_sets,
        messages=told.messages,
    )


def entry_row(account: LedgerAccount, entry: Entry) -> Row:
    assert account.owner is not None
    number = WIRE_TYPE.get(Type(entry.type), GRANT if entry.amount > 0 else CORRECTION)
    return {
        "TransactionID": entry.number,
        "TransactionTypeID": number,
        "TransactionType": TRANSACTION_TYPES[number],
        "TransactionDateAndTime": entry.instant,
        "TransactionValue": account.asset.major(entry.amount),
        "TransactionComment": entry.comment,
        "PersonID": account.owner.person.pk,
        "CashAccountTypeID": CREDIT_ACCOUNT,
        "SuspendedUntil": entry.due_at,
    }
