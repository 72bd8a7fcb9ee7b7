"""/api/v1/articles and /api/v1/item-statuses: what a site sells, and where the items of its orders can stand."""

from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.models import Site
from codes import articles
from codes.articles import ArticleFields
from codes.models import Article, ItemStatus
from codes.models.articles import IS_VOUCHER, VOUCHER
from ledger.models import Asset
from redemption_site.api import shop_schema
from redemption_site.api.amounts import amount
from redemption_site.api.batches import minor_units
from redemption_site.api.paging import Keyset, read_page, whole_number
from redemption_site.api.problems import Invalid
from redemption_site.edge.authentication import caller_of
from redemption_site.edge.parsing import read_json_object
from redemption_site.edge.rendering import json_response

BY_NUMBER = Keyset((("number", whole_number),))


class ArticlesView(APIView):
    """The articles of the site."""

    http_method_names = ["get", "head", "post"]
    scopes: ClassVar = {"GET": "read", "POST": "manage"}

    @shop_schema.CREATE_ARTICLE
    def post(self, request: Request) -> HttpResponse:
        caller = caller_of(request)
        given = shop_schema.ArticleBody(data=read_json_object(request._request))
        given.is_valid(raise_exception=True)
        data = given.validated_data
        asset = Asset.objects.filter(code=data["asset"]).first()
        if asset is None:
            raise Invalid([("asset", "This asset is not known.")])
        fields = ArticleFields(
            name=data["name"],
            price=priced(data["price"], asset),
            is_active=data["is_active"],
            properties={**data["properties"], **({VOUCHER: IS_VOUCHER} if data["voucher"] else {})},
        )
        site = Site.objects.get(pk=caller.site_id)
        made = articles.create_article(site, asset, fields, number=data["number"], actor_id=caller.actor_id)
        return json_response(article_body(made), 201)

    @shop_schema.LIST_ARTICLES
    def get(self, request: Request) -> HttpResponse:
        rows = Article.objects.filter(site_id=caller_of(request).site_id)
        rows = rows.select_related("asset").prefetch_related("properties__characteristic")
        found, next_cursor = read_page(shop_schema.ArticleFilters.applied(request, rows), request, BY_NUMBER)
        return json_response({"results": [article_body(each) for each in found], "next_cursor": next_cursor})


class ItemStatusesView(APIView):
    """The statuses that items of the site's orders can enter."""

    http_method_names = ["get", "head"]
    scopes: ClassVar = {"GET": "read"}

    @shop_schema.LIST_STATUSES
    def get(self, request: Request) -> HttpResponse:
        rows = ItemStatus.objects.filter(site_id=caller_of(request).site_id)
        found, next_cursor = read_page(shop_schema.StatusFilters.applied(request, rows), request, BY_NUMBER)
        return json_response({"results": [status_body(each) for each in found], "next_cursor": next_cursor})


def priced(value: Any, asset: Asset) -> int:
    """The price in minor units. Raises Invalid."""
    try:
        return minor_units(value, asset.code)
    except Invalid as error:
        raise Invalid([("price", row["message"]) for row in error.errors]) from error


def article_body(article: Article) -> dict[str, Any]:
    properties = {str(each.characteristic.number): each.value for each in article.properties.all()}
    return {
        "number": article.number,
        "name": article.name,
        "asset": article.asset.code,
        "price": amount(article.asset, article.price),
        "voucher": properties.pop(str(VOUCHER), "") == IS_VOUCHER,
        "is_active": article.is_active,
        "properties": properties,
        "batch_id": article.batch_id,
        "created_at": article.created_at,
    }


def status_body(status: ItemStatus) -> dict[str, Any]:
    return {"number": status.number, "name": status.name, "category": status.category}
