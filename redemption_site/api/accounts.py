"""/api/v1/claimants/{id}/account: a claimant's cash account, its balance and its statement."""

from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from ledger.models import LedgerAccount
from ledger.statement import Entry, read_statement
from redemption_site.api.amounts import amount
from redemption_site.api.assignments import claimant_of
from redemption_site.api.documented import problems
from redemption_site.api.filters import StrictFilterSet
from redemption_site.api.paging import Keyset, encoded, page_size, read_cursor
from redemption_site.api.problems import NotFound
from redemption_site.api.shapes import AmountShape, Page, Shape
from redemption_site.edge.authentication import caller_of
from redemption_site.edge.rendering import json_response


def signed(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not -(2**63) < value < 2**63:
        raise ValueError("not a number of ours")
    return value


BY_NUMBER = Keyset((("number", signed),))


class AccountFilters(StrictFilterSet):
    """None but the page."""

    class Meta:
        model = LedgerAccount
        fields: ClassVar[list[str]] = []


class EntryShape(Shape):
    number = serializers.IntegerField(help_text="Negative: suspended, and not posted yet.")
    type = serializers.CharField(
        help_text="`credit`, `refund`, `reversal`, `grant`, `payout`, `correction` or `spend`."
    )
    amount = AmountShape(help_text="As the holder sees it: negative out of the account.")
    comment = serializers.CharField()
    counts_from = serializers.DateTimeField()
    waits = serializers.BooleanField(help_text="It does not count yet.")
    transaction_id = serializers.UUIDField(allow_null=True, help_text="Of the booking in the ledger.")


class AccountShape(Page):
    claimant_id = serializers.CharField()
    asset = serializers.CharField()
    state = serializers.ChoiceField(choices=LedgerAccount.State.values)
    balance = AmountShape(help_text="At this moment.")
    minimum = AmountShape(help_text="No booking may leave less.")
    results = EntryShape(many=True)


GET_ACCOUNT = extend_schema(
    operation_id="get_claimant_account",
    summary="A claimant's cash account: its balance, and its statement, newest first",
    description="What is suspended until a date is told with it. 404 where the claimant has none. Needs the scope `read`.",
    tags=["accounts"],
    parameters=[
        OpenApiParameter("claimant_id", str, OpenApiParameter.PATH, description="Whose account."),
        *AccountFilters.parameters(),
    ],
    responses={200: AccountShape, **problems(400, 401, 403, 404, 503)},
)


class AccountView(APIView):
    """A claimant's cash account."""

    http_method_names = ["get", "head"]
    scopes: ClassVar = {"GET": "read"}

    @GET_ACCOUNT
    def get(self, request: Request, claimant_id: str) -> HttpResponse:
        claimant = claimant_of(caller_of(request), claimant_id)
        accounts = LedgerAccount.objects.filter(owner=claimant, kind=LedgerAccount.Kind.CASH)
        account = AccountFilters.applied(request, accounts).select_related("asset").first()
        if account is None:
            raise NotFound
        cursor = request.query_params.get("cursor")
        after = None if cursor is None else read_cursor(cursor, BY_NUMBER)[0]
        page = read_statement(account, after=after, limit=page_size(request))
        asset = account.asset
        return json_response(
            {
                "claimant_id": claimant.claimant_id,
                "asset": asset.code,
                "state": account.state,
                "balance": amount(asset, page.balance),
                "minimum": amount(asset, account.floor),
                "results": [entry_body(entry, account) for entry in page.entries],
                "next_cursor": None if page.next is None else encoded((page.next,)),
            }
        )


def entry_body(entry: Entry, account: LedgerAccount) -> dict[str, Any]:
    return {
        "number": entry.number,
        "type": entry.type,
        "amount": amount(account.asset, entry.amount),
        "comment": entry.comment,
        "counts_from": entry.instant,
        "waits": entry.waits,
        "transaction_id": str(entry.transaction_id) if entry.transaction_id else None,
    }
