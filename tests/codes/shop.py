"""What tests of orders are made of: a voucher article, an order of it, and moving its items."""

from typing import Any

from accounts.models import Site
from codes import articles, shop_orders
from codes.articles import ArticleFields
from codes.models import Article, ItemStatus, ShopOrder, ShopOrderItem
from codes.models.articles import IS_VOUCHER, VOUCHER
from codes.shop_orders import Moved, NewShopOrder
from tests.factories import make_asset


def make_article(site: Site, *, price: int = 2_500, voucher: bool = True, asset: str = "EUR", **fields: Any) -> Article:
    """A voucher over 25.00 EUR unless told otherwise; ``number`` is the site's next one."""
    number = fields.pop("number", None)
    properties = {VOUCHER: IS_VOUCHER} if voucher else {}
    given = ArticleFields(**{"name": "Gift card", "price": price, "properties": properties, **fields})
    return articles.create_article(site, make_asset(asset), given, number=number, actor_id="system")


def place(site: Site, *lines: tuple[Article, int], **fields: Any) -> ShopOrder:
    given = {"caller_key": "system", "actor_id": "system", "door": "test", **fields}
    numbers = tuple((article.number, quantity) for article, quantity in lines)
    return shop_orders.place_order(NewShopOrder(site_id=site.pk, lines=numbers, **given))[0]


def make_item(site: Site, quantity: int = 3, **fields: Any) -> ShopOrderItem:
    """The one item of an order of a voucher article."""
    return place(site, (make_article(site, **fields), quantity)).items.get()


def status_of(site: Site, category: int) -> ItemStatus:
    return ItemStatus.objects.filter(site=site, category=category).order_by("number")[0]


def move(item: ShopOrderItem, category: int, **fields: Any) -> Moved:
    """The item enters the first status of the category."""
    given = {"caller_key": "system", "actor_id": "system", "door": "test", **fields}
    return shop_orders.move_item(item, status_of(item.order.site, category), **given)
