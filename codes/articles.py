"""Articles that a site sells, and their characteristics. Orders keep the price that an article had when it was ordered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max

from accounts import auditing, clock, locking
from accounts.models import Site
from accounts.wording import check_line
from codes.models import Article, ArticleCharacteristic, ArticleProperty
from codes.models.articles import IS_VOUCHER, MOST_NUMBER, MOST_PRICE, VOUCHER
from ledger.models import Asset

MOST_CHARACTERISTIC = 2**31 - 1
MOST_VALUE = 200


@dataclass(frozen=True, kw_only=True)
class ArticleFields:
    """What may be changed of an article. ``price`` is in minor units; ``properties``: number of a characteristic → value."""

    name: str
    price: int
    is_active: bool = True
    properties: Mapping[int, str] = field(default_factory=dict)


def create_article(
    site: Site, asset: Asset, fields: ArticleFields, *, number: int | None = None, actor_id: str
) -> Article:
    """Without a number it gets the site's next one. Raises ValidationError with field names."""
    if asset.kind != Asset.Kind.MONEY:
        raise ValidationError({"asset": ["An article has its price in money."]})
    if number is not None and not 1 <= number <= MOST_NUMBER:
        raise ValidationError({"number": [f"A whole number from 1 to {MOST_NUMBER}."]})
    characteristics = check(site.pk, fields)
    with transaction.atomic(durable=True):
        locking.lock_ids(Site, [site.pk])  # So that two articles do not get the same next number.
        known = Article.objects.filter(site=site)
        if number is not None and known.filter(number=number).exists():
            raise ValidationError({"number": ["This site has an article of this number already."]})
        number = number or next_number(known.aggregate(last=Max("number"))["last"])
        article = Article.objects.create(
            site=site,
            number=number,
            name=fields.name,
            asset=asset,
            price=fields.price,
            is_active=fields.is_active,
            created_at=clock.read(),
        )
        give(article, fields, characteristics)
        audit("article.create", article, actor_id, {"number": number, "asset": asset.code, **told(fields)})
    return article


def change_article(article: Article, fields: ArticleFields, *, actor_id: str) -> Article:
    """For what is ordered from now on: orders keep name and price as they were. Raises ValidationError with field names."""
    characteristics = check(article.site_id, fields)
    with transaction.atomic(durable=True):
        article = locking.lock_ids(Article, [article.pk])[article.pk]
        before = fields_of(article)
        article.name, article.price, article.is_active = fields.name, fields.price, fields.is_active
        article.save(update_fields=["name", "price", "is_active"])
        article.properties.all().delete()
        give(article, fields, characteristics)
        audit("article.change", article, actor_id, {**told(fields), "was": told(before)})
    return article


def check(site_id: int, fields: ArticleFields) -> dict[int, ArticleCharacteristic]:
    """The characteristics that are named, by number. Raises ValidationError with field names."""
    check_line("name", fields.name, 100)
    if not 0 <= fields.price <= MOST_PRICE:
        raise ValidationError({"price": [f"From 0 to {MOST_PRICE:,} in the currency's smallest unit."]})
    for value in fields.properties.values():
        check_line("properties", value, MOST_VALUE)
    if fields.properties.get(VOUCHER) == IS_VOUCHER and not fields.price:
        raise ValidationError({"price": ["A voucher is worth its price, which must be more than nothing."]})
    rows = ArticleCharacteristic.objects.filter(site=site_id, number__in=fields.properties)
    found = {row.number: row for row in rows}
    unknown = sorted(number for number in fields.properties if number not in found)
    if unknown:
        raise ValidationError({"properties": [f"This site has no characteristic {unknown[0]}."]})
    return found


def give(article: Article, fields: ArticleFields, characteristics: dict[int, ArticleCharacteristic]) -> None:
    ArticleProperty.objects.bulk_create(
        ArticleProperty(article=article, characteristic=characteristics[number], value=value)
        for number, value in sorted(fields.properties.items())
    )


def fields_of(article: Article) -> ArticleFields:
    """What the article is at present."""
    properties = article.properties.select_related("characteristic")
    return ArticleFields(
        name=article.name,
        price=article.price,
        is_active=article.is_active,
        properties={each.characteristic.number: each.value for each in properties},
    )


def is_voucher(article_id: int) -> bool:
    """Whether codes are made for each unit of it, as the database says now."""
    return ArticleProperty.objects.filter(article=article_id, characteristic__number=VOUCHER, value=IS_VOUCHER).exists()


def next_number(last: int | None) -> int:
    """Raises ValidationError where the largest is taken."""
    if last == MOST_NUMBER:
        raise ValidationError({"number": ["The largest number is taken: give one that is free."]})
    return (last or 0) + 1


def add_characteristic(site: Site, number: int, name: str, *, actor_id: str) -> ArticleCharacteristic:
    """Raises ValidationError with field names."""
    check_line("name", name, 100)
    if not 1 <= number <= MOST_CHARACTERISTIC:
        raise ValidationError({"number": [f"A whole number from 1 to {MOST_CHARACTERISTIC:,}."]})
    try:
        with transaction.atomic(durable=True):
            made = ArticleCharacteristic.objects.create(site=site, number=number, name=name)
            audit("articlecharacteristic.create", made, actor_id, {"number": number, "name": name})
    except IntegrityError as error:
        raise ValidationError({"number": ["This site has a characteristic of this number already."]}) from error
    return made


def rename_characteristic(characteristic: ArticleCharacteristic, name: str, *, actor_id: str) -> None:
    """Its number stays, for programs send it. Raises ValidationError."""
    check_line("name", name, 100)
    with transaction.atomic(durable=True):
        row = locking.lock_ids(ArticleCharacteristic, [characteristic.pk])[characteristic.pk]
        was, row.name = row.name, name
        row.save(update_fields=["name"])
        audit("articlecharacteristic.change", row, actor_id, {"name": name, "was": was})


def told(fields: ArticleFields) -> dict[str, Any]:
    """What the audit keeps."""
    properties = {str(number): value for number, value in sorted(fields.properties.items())}
    return {"name": fields.name, "price": fields.price, "is_active": fields.is_active, "properties": properties}


def audit(action: str, row: Article | ArticleCharacteristic, actor_id: str, detail: dict[str, Any]) -> None:
    auditing.record(
        action,
        site=row.site_id,
        actor_id=actor_id,
        object_type=str(row._meta.model_name),
        object_id=row.pk,
        detail=detail,
    )
