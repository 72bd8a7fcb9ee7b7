"""The demonstration's gift cards: a voucher article and an order of it, whose item waits to be moved at the desk."""

from codes import articles, shop_orders
from codes.articles import ArticleFields
from codes.models import Article, ShopOrder
from codes.models.articles import IS_VOUCHER, VOUCHER
from ledger.models import Asset
from redemption_site.demo.people import ACTOR, People

NUMBER = 1001
GIFT_CARD = ArticleFields(name="Gift card 25 EUR", price=2_500, properties={VOUCHER: IS_VOUCHER})


def load_shop(people: People) -> None:
    """What is missing of them."""
    site = people.site
    if not Article.objects.filter(site=site, number=NUMBER).exists():
        articles.create_article(site, Asset.objects.get(code="EUR"), GIFT_CARD, number=NUMBER, actor_id=ACTOR)
    if not ShopOrder.objects.filter(site=site).exists():
        shop_orders.place_order(
            shop_orders.NewShopOrder(
                site_id=site.pk,
                lines=((NUMBER, 3),),
                buyer=people.claimants["u-1001"],
                caller_key=ACTOR,
                actor_id=ACTOR,
                door="demo",
            )
        )
