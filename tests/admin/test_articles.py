"""Articles, characteristics and item statuses on the desk: set up by managers, of one site, audited; refusals change nothing."""

import pytest

from accounts.models import AuditRecord
from codes.models import Article, ArticleCharacteristic, ItemStatus
from codes.models.articles import VOUCHER
from tests.admin.desk import World, list_of, page_of, text_of
from tests.codes.shop import make_article, place

pytestmark = pytest.mark.django_db
CREATE, NEW_STATUS = "/admin/codes/article/create/", "/admin/codes/itemstatus/create/"
NEW_CHARACTERISTIC = "/admin/codes/articlecharacteristic/create/"


def form(world: World, **fields: object) -> dict[str, object]:
    currency = world.rows["codes_article"].asset_id
    return {
        "site": world.site.pk, "number": "", "name": "Gift card 50 EUR", "price": "50.00", "currency": currency,
        "voucher": "on", "is_active": "on", "properties": "", **fields,
    }  # fmt: skip


def test_a_voucher_article_is_added_and_audited(world: World):
    ArticleCharacteristic.objects.create(site=world.site, number=26, name="Design")
    answer = world.sign_in("manager").post(CREATE, form(world, properties="26: flowers"), follow=True)

    made = Article.objects.get(name="Gift card 50 EUR")
    assert "Gift card 50 EUR was added, with number 2." in text_of(answer)
    assert (made.number, made.price, made.is_voucher, made.is_active) == (2, 5_000, True, True)
    audited = AuditRecord.objects.get(action="article.create", object_id=str(made.pk))
    assert audited.detail["properties"] == {"25": "1", "26": "flowers"}
    assert audited.actor_id == world.staff["manager"].claimant_id
    page = text_of(world.sign_in("support").get(page_of(made)))
    assert "50.00 EUR" in page
    assert "flowers" in page


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": " x"}, "1 to 100 characters on one line"),
        ({"price": "50.001"}, "2 decimal places at most"),
        ({"price": "-1"}, "Write an amount in digits"),
        ({"price": "0"}, "must be more than nothing"),
        ({"price": "99999999999.00"}, "From 0 to"),
        ({"number": 1}, "This site has an article of this number already"),
        ({"number": 2**53}, "less than or equal to"),
        ({"properties": "27: x"}, "This site has no characteristic 27"),
        ({"properties": "25: 1"}, "is the switch above"),
        ({"properties": "26"}, "write the number of a characteristic"),
        ({"properties": "26: a\n26: b"}, "named twice"),
        ({"currency": 0}, "Select a valid choice"),
    ],
)
def test_what_an_article_cannot_be_is_said_and_none_is_added(world: World, wrong: dict[str, object], said: str):
    assert said in text_of(world.sign_in("manager").post(CREATE, form(world, **wrong)))
    assert Article.objects.filter(site=world.site).count() == 1


def test_a_change_is_for_what_is_ordered_later(world: World):
    article = make_article(world.site, number=1001)
    order = place(world.site, (article, 1))
    form_ = {"name": "Gift card XL", "price": "30.00", "properties": "", "is_active": "on"}

    answer = world.sign_in("manager").post(page_of(article, "edit"), form_, follow=True)

    article = Article.objects.get(pk=article.pk)
    assert "Gift card XL was changed" in text_of(answer)
    assert (article.price, article.is_voucher) == (3_000, False)
    item = order.items.get()
    assert (item.name, item.unit_price) == ("Gift card", 2_500)
    was = AuditRecord.objects.get(action="article.change", object_id=str(article.pk)).detail["was"]
    assert (was["price"], was["properties"]) == (2_500, {str(VOUCHER): "1"})


def test_another_value_of_the_voucher_characteristic_is_kept(world: World):
    article = world.rows["codes_article"]
    article.properties.update(value="0")
    form_ = {"name": "Card", "price": "30.00", "properties": "", "is_active": "on"}

    world.sign_in("manager").post(page_of(article, "edit"), form_)

    assert [each.value for each in article.properties.all()] == ["0"]


def test_articles_are_found_by_number_and_by_the_beginning_of_their_name(world: World):
    make_article(world.site, number=1001, name="Mug")
    browser = world.sign_in("support")

    for query, expected in (("1001", True), ("mu", True), ("ug", False), ("7", False)):
        assert ("Mug" in text_of(browser.get(f"{list_of('codes_article')}?q={query}"))) == expected, query


def test_a_status_is_added_and_renamed_and_keeps_its_category(world: World):
    browser = world.sign_in("manager")
    new = {"site": world.site.pk, "number": 30, "name": "Packed", "category": 2}
    browser.post(NEW_STATUS, new)
    made = ItemStatus.objects.get(number=30)

    again = browser.post(NEW_STATUS, new)
    renamed = browser.post(page_of(made, "rename"), {"name": "In the box"}, follow=True)

    assert "This site has a status of this number already" in text_of(again)
    assert "Status 30 is now called In the box" in text_of(renamed)
    made.refresh_from_db()
    assert (made.name, made.category) == ("In the box", 2)
    assert AuditRecord.objects.get(action="itemstatus.change").detail == {"name": "In the box", "was": "Packed"}


@pytest.mark.parametrize("wrong", [{"category": 6}, {"category": ""}, {"number": 0}, {"number": 2**31}, {"name": " "}])
def test_a_status_that_cannot_be_is_not_added(world: World, wrong: dict[str, object]):
    before = ItemStatus.objects.count()
    new = {"site": world.site.pk, "number": 30, "name": "Packed", "category": 2, **wrong}

    assert world.sign_in("manager").post(NEW_STATUS, new).status_code == 200
    assert ItemStatus.objects.count() == before


def test_a_characteristic_is_added_and_renamed(world: World):
    browser = world.sign_in("manager")
    new = {"site": world.site.pk, "number": 26, "name": "Design"}
    browser.post(NEW_CHARACTERISTIC, new)
    made = ArticleCharacteristic.objects.get(site=world.site, number=26)

    assert "characteristic of this number already" in text_of(browser.post(NEW_CHARACTERISTIC, new))
    assert "26 is now called Motif" in text_of(browser.post(page_of(made, "rename"), {"name": "Motif"}, follow=True))
    assert AuditRecord.objects.get(action="articlecharacteristic.change").detail == {"name": "Motif", "was": "Design"}


def test_a_site_begins_with_a_status_of_each_category_and_the_voucher_characteristic(world: World):
    sites = {"slug": "fresh", "name": "Fresh", "domain": "fresh.localhost", "language": "en", "time_zone": "UTC"}
    limits = {f"guesses_per_{name}": 1_000 for name in ("client", "network", "year")} | {"guesses_in_total": 1_000}
    world.sign_in("superuser").post("/admin/accounts/site/add/", {**sites, **limits})

    statuses = ItemStatus.objects.filter(site__slug="fresh").values_list("number", "category")
    assert list(statuses) == [(1, 1), (2, 2), (3, 4), (4, 3), (5, 5)]
    assert [str(each) for each in ArticleCharacteristic.objects.filter(site__slug="fresh")] == [
        "25 Prepaid code article"
    ]
