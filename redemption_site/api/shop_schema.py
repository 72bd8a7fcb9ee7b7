"""What clients send about articles and orders, what is answered, and how the schema describes it."""

import re
from typing import ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from codes.models import Article, Code, ItemStatus, ShopOrder
from codes.models.articles import MOST_NUMBER, VOUCHER
from codes.models.shop_orders import MOST_ITEMS, MOST_UNITS
from redemption_site.api.documented import KEY, RETRY, answer_header, problems, replayed
from redemption_site.api.fields import Amount, StrictSerializer, Text, TrueOrFalse, WholeNumber
from redemption_site.api.filters import Instant, StrictFilterSet
from redemption_site.api.filters import Text as TextFilter
from redemption_site.api.shapes import AmountShape, Page, Shape

CODES_TOLD = 100
CHARACTERISTIC = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
NUMBER = OpenApiParameter("number", int, OpenApiParameter.PATH, description="Of the order, as the site counts.")
POSITION = OpenApiParameter("position", int, OpenApiParameter.PATH, description="Of the item in its order, from 1.")


class ArticleBody(StrictSerializer):
    """An article to be."""

    number = WholeNumber(min_value=1, max_value=MOST_NUMBER, help_text="The site's own, which stays.")
    name = Text(max_length=100)
    asset = Text(max_length=12, help_text="The currency of the price, e.g. EUR; it stays.")
    price = Amount(help_text="Of one unit; what a voucher is worth.")
    voucher = TrueOrFalse(default=False, help_text="Whether each unit is a prepaid code worth the price.")
    is_active = TrueOrFalse(default=True, help_text="Whether it can be ordered.")
    properties = serializers.DictField(
        child=Text(max_length=200),
        default=dict,
        help_text="Number of a characteristic of the site → value; 25 is said by `voucher`.",
    )

    def validate_properties(self, given: dict[str, str]) -> dict[int, str]:
        for number in given:
            if not CHARACTERISTIC.fullmatch(number):
                raise serializers.ValidationError("The number of a characteristic is wanted as name.")
            if int(number) == VOUCHER:
                raise serializers.ValidationError("Say with `voucher` whether its units are prepaid codes.")
        return {int(number): value for number, value in given.items()}


class ItemBody(StrictSerializer):
    article = WholeNumber(min_value=1, max_value=MOST_NUMBER, help_text="Number of the article.")
    quantity = WholeNumber(min_value=1, max_value=MOST_UNITS, help_text="How many units.")


class ShopOrderBody(StrictSerializer):
    """An order to be placed."""

    items = serializers.ListField(
        child=ItemBody(), min_length=1, max_length=MOST_ITEMS, help_text="In the order of their positions."
    )
    buyer = Text(required=False, allow_null=True, max_length=100, help_text="Claimant ID of who ordered, if known.")


class StatusBody(StrictSerializer):
    status = WholeNumber(min_value=1, max_value=2**31 - 1, help_text="Number of the status to enter.")
    reason = Text(required=False, allow_blank=True, max_length=200, help_text="Why, for the audit.")


class ArticleShape(Shape):
    number = serializers.IntegerField()
    name = serializers.CharField()
    asset = serializers.CharField()
    price = AmountShape(help_text="Of one unit.")
    voucher = serializers.BooleanField(help_text="Whether each unit is a prepaid code worth the price.")
    is_active = serializers.BooleanField(help_text="Whether it can be ordered.")
    properties = serializers.DictField(child=serializers.CharField(), help_text="Without characteristic 25.")
    batch_id = serializers.IntegerField(allow_null=True, help_text="Where its codes are; null: none was issued yet.")
    created_at = serializers.DateTimeField()


class ArticlePage(Page):
    results = ArticleShape(many=True)


class StatusShape(Shape):
    number = serializers.IntegerField()
    name = serializers.CharField()
    category = serializers.ChoiceField(choices=[each.value for each in ItemStatus.Category])


class StatusPage(Page):
    results = StatusShape(many=True)


class OrderedItemShape(Shape):
    position = serializers.IntegerField(help_text="From 1.")
    article = serializers.IntegerField(help_text="Number of the article.")
    name = serializers.CharField(help_text="Of the article, as ordered.")
    quantity = serializers.IntegerField()
    asset = serializers.CharField()
    unit_price = AmountShape(help_text="As ordered.")


class OrderedShape(Shape):
    number = serializers.IntegerField(help_text="As the site counts.")
    buyer = serializers.CharField(allow_null=True, help_text="Claimant ID.")
    created_at = serializers.DateTimeField()
    items = OrderedItemShape(many=True)


class ItemCodesShape(Shape):
    order_id = serializers.IntegerField(help_text="Of the order to issue them, as in `GET /orders/{order_id}`.")
    batch_id = serializers.IntegerField()
    count = serializers.IntegerField()
    first_serial = serializers.IntegerField(help_text="Within the batch; for `from_serial` of its export.")
    last_serial = serializers.IntegerField(help_text="Within the batch; for `to_serial` of its export.")
    valid_until = serializers.DateTimeField(allow_null=True, help_text="First moment after validity; null: no end.")


class ItemShape(OrderedItemShape):
    status = StatusShape()
    moved_at = serializers.DateTimeField(help_text="When it came to its status.")
    codes = ItemCodesShape(allow_null=True, help_text="Null: none was issued.")


class ShopOrderShape(OrderedShape):
    items = ItemShape(many=True)


class ShopOrderPage(Page):
    results = ShopOrderShape(many=True)


class MaskedShape(Shape):
    code_id = serializers.IntegerField()
    serial = serializers.IntegerField(help_text="Number within the batch.")
    masked = serializers.CharField(help_text="In place of its characters, which only an export tells.")
    state = serializers.ChoiceField(choices=Code.State.choices)


class ItemWithCodesShape(ItemShape):
    issued = serializers.IntegerField(help_text="How many codes this very request issued.")
    masked_codes = MaskedShape(many=True, help_text=f"The first {CODES_TOLD} of its codes.")


class ArticleFilters(StrictFilterSet):
    name = TextFilter(field_name="name", help_text="Of the article, exactly.")

    class Meta:
        model = Article
        fields: ClassVar[list[str]] = []


class StatusFilters(StrictFilterSet):
    """None: the list is short."""

    class Meta:
        model = ItemStatus
        fields: ClassVar[list[str]] = []


class ShopOrderFilters(StrictFilterSet):
    buyer = TextFilter(field_name="buyer__claimant_id", help_text="Claimant ID of the buyer, exactly.")
    since = Instant(field_name="created_at", lookup_expr="gte", help_text="Placed then or later.")
    until = Instant(field_name="created_at", lookup_expr="lt", help_text="Placed before then.")

    class Meta:
        model = ShopOrder
        fields: ClassVar[list[str]] = []


EXAMPLE = OpenApiExample(
    "Three gift cards", {"buyer": "u-1001", "items": [{"article": 1001, "quantity": 3}]}, request_only=True
)
CREATE_ARTICLE = extend_schema(
    operation_id="create_article",
    summary="Add an article",
    description="Its number and currency stay. Needs the scope `manage`.",
    tags=["shop"],
    request=ArticleBody,
    responses={
        201: OpenApiResponse(ArticleShape, "Added."),
        **problems(400, 401, 403, 413, 415, 503),
    },
)
LIST_ARTICLES = extend_schema(
    operation_id="list_articles",
    summary="Articles of the site, the highest number first",
    tags=["shop"],
    parameters=ArticleFilters.parameters(),
    responses={200: ArticlePage, **problems(400, 401, 403, 503)},
)
LIST_STATUSES = extend_schema(
    operation_id="list_item_statuses",
    summary="The statuses of the site that items can enter",
    description=(
        "Category 1: ordered; 2: being worked on; 3: done; 4: generate prepaid codes, which entering it does; 5: cancelled."
    ),
    tags=["shop"],
    parameters=StatusFilters.parameters(),
    responses={200: StatusPage, **problems(400, 401, 403, 503)},
)
PLACE_ORDER = extend_schema(
    operation_id="place_order",
    summary="Place an order",
    description=(
        "At the prices of this moment; nothing of it changes later but the status of its items. The same key and order are "
        "answered again, as it was placed. Needs the scope `issue`."
    ),
    tags=["shop"],
    request=ShopOrderBody,
    parameters=[
        KEY,
        replayed(200),
        answer_header("Location", "Where the order is, with its items.", (201, 200)),
        answer_header("Retry-After", RETRY, (409, 503), OpenApiTypes.INT),
    ],
    responses={
        201: OpenApiResponse(OrderedShape, "Placed."),
        200: OpenApiResponse(OrderedShape, "Placed before."),
        **problems(400, 401, 403, 409, 413, 415, 422, 503),
    },
    examples=[EXAMPLE],
)
LIST_ORDERS = extend_schema(
    operation_id="list_orders",
    summary="Orders that were placed, the newest first",
    tags=["shop"],
    parameters=ShopOrderFilters.parameters(),
    responses={200: ShopOrderPage, **problems(400, 401, 403, 503)},
)
GET_ORDER = extend_schema(
    operation_id="get_placed_order",
    summary="An order and where its items stand",
    tags=["shop"],
    parameters=[NUMBER],
    responses={200: ShopOrderShape, **problems(401, 403, 404, 503)},
)
GET_ITEM = extend_schema(
    operation_id="get_order_item",
    summary="An item of an order, with its codes masked",
    tags=["shop"],
    parameters=[NUMBER, POSITION],
    responses={200: ItemWithCodesShape, **problems(401, 403, 404, 503)},
)
MOVE_ITEM = extend_schema(
    operation_id="move_order_item",
    summary="Have an item enter a status",
    description=(
        "Entering a status of category 4 issues the codes of a voucher article: one a unit, worth its price, once for ever. "
        "Entering the status in which the item stands changes nothing, so a repeat is safe. The characters of the codes are told "
        "by the export of their batch alone. 409 `batch_not_active`: the article's batch is switched off. Needs the scope `issue`."
    ),
    tags=["shop"],
    request=StatusBody,
    parameters=[NUMBER, POSITION, answer_header("Retry-After", RETRY, (409, 503), OpenApiTypes.INT)],
    responses={
        200: OpenApiResponse(ItemWithCodesShape, "It stands there now."),
        **problems(400, 401, 403, 404, 409, 413, 415, 503),
    },
)
