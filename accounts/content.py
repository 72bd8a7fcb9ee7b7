"""Writing content: items with their properties and visibility, and what is in a collection.

Each deed is one transaction with its audit row. What is wrong is said by ValidationError with the names of the fields, and then
nothing has changed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import auditing, clock, locking
from accounts.models import AccountSet, CollectionMember, Item, ItemProperty, ItemVisibility, Site
from accounts.models.content import COLLECTION, MOST_OF_A_VALUE
from accounts.wording import ID_LENGTH, check_id, check_line, named

MOST_VALUES = 500  # Of all properties of an item together.
MOST_MEMBERS = 10_000  # That one call adds or removes.
TAKEN = {"external_id": ["This site has an item of this ID already."]}


@dataclass(frozen=True, slots=True)
class ItemFields:
    """What an item is to be. ``properties`` are {name: values in their order}; ``visible_to``: none for everybody."""

    title: str
    meta_type: str = "Book"
    part_of: str = ""  # External ID of the publication that this is an excerpt or a page of.
    properties: Mapping[str, Sequence[str]] = field(default_factory=dict)
    visible_to: Iterable[AccountSet] = ()


def create_item(site: Site, external_id: str, fields: ItemFields, *, actor_id: str) -> Item:
    """Raises ValidationError."""
    check_id("external_id", external_id)
    check(fields)
    if Item.objects.filter(site=site, external_id=external_id).exists():
        raise ValidationError(TAKEN)
    try:
        with transaction.atomic(durable=True):
            item = Item(site=site, external_id=external_id, created_at=clock.read())
            [publication] = locked_publication(item, fields)
            write(item, fields, publication)
            audit("item.create", item, {"meta_type": item.meta_type}, actor_id)
    except IntegrityError as error:
        raise ValidationError(TAKEN) from error  # Somebody was faster.
    return item


def change_item(item: Item, fields: ItemFields, *, actor_id: str) -> Item:
    """Make the item what ``fields`` say, its properties and visibility as a whole; its ID stays. Raises ValidationError.

    Licences stay as they are: what a redemption has matched is not matched again.
    """
    check(fields)
    with transaction.atomic(durable=True):
        locked, publication = locked_publication(item, fields)
        assert locked is not None
        item = locked
        if (fields.meta_type == COLLECTION) != item.is_collection:
            raise ValidationError({"meta_type": ["A collection stays one, and nothing else becomes one."]})
        if publication and item.parts.exists():
            raise ValidationError({"part_of": ["This item has parts of its own, so it cannot be a part."]})
        before = facts(item)
        write(item, fields, publication)
        after = facts(item)
        changed = [name for name in after if after[name] != before[name]]
        audit("item.change", item, {"changed": changed, "was": {name: before[name] for name in changed}}, actor_id)
    return item


def locked_publication(item: Item, fields: ItemFields) -> list[Item | None]:
    """The item, if it is there already, and the publication it is to be a part of, locked together and read fresh.

    Whoever makes a part of the publication a part of something else meanwhile waits here, so that parts never have parts.
    """
    wanted = Item.objects.filter(site_id=item.site_id, external_id=fields.part_of).values_list("pk", flat=True).first()
    if fields.part_of and wanted is None:
        raise ValidationError({"part_of": [f"This site has no item {fields.part_of}."]})
    rows = locking.lock_ids(Item, [pk for pk in (item.pk, wanted) if pk])
    publication = rows.get(wanted)
    if publication is not None:
        if publication.pk == item.pk:
            raise ValidationError({"part_of": ["An item is no part of itself."]})
        if publication.part_of_id or publication.is_collection or fields.meta_type == COLLECTION:
            raise ValidationError({"part_of": ["Only of a publication, which is neither a part nor a collection."]})
    return [rows[item.pk], publication] if item.pk else [publication]


def check(fields: ItemFields) -> None:
    check_line("title", fields.title, 300)
    check_line("meta_type", fields.meta_type, 100)
    if ":" in fields.meta_type:
        raise ValidationError({"meta_type": ["Without a colon: search terms are divided by it."]})
    for name, values in fields.properties.items():
        if not name.strip() or name != name.strip() or len(name) > 100 or ":" in name:
            raise ValidationError({"properties": [f"“{name[:100]}”: a name has 1 to 100 characters and no colon."]})
        for value in values:
            if not value or value != value.strip() or len(value) > MOST_OF_A_VALUE or not value.isprintable():
                raise ValidationError(
                    {"properties": [f"{name}: a value has 1 to {MOST_OF_A_VALUE} characters on one line."]}
                )
    if sum(len(values) for values in fields.properties.values()) > MOST_VALUES:
        raise ValidationError({"properties": [f"At most {MOST_VALUES} values."]})


def write(item: Item, fields: ItemFields, publication: Item | None) -> None:
    sets = list(fields.visible_to)
    if any(each.site_id != item.site_id for each in sets):
        raise ValidationError({"visible_to": ["An account set of another site."]})
    item.title, item.meta_type, item.part_of = fields.title, fields.meta_type, publication
    item.save()
    item.properties.all().delete()
    item.visibilities.all().delete()
    ItemProperty.objects.bulk_create(
        ItemProperty(item=item, site_id=item.site_id, name=name, value=value, position=position)
        for name, values in fields.properties.items()
        for position, value in enumerate(dict.fromkeys(values))
    )
    ItemVisibility.objects.bulk_create(ItemVisibility(item=item, account_set=each) for each in dict.fromkeys(sets))


def facts(item: Item) -> dict[str, Any]:
    """What the audit compares."""
    return {
        "title": item.title,
        "meta_type": item.meta_type,
        "part_of": item.part_of.external_id if item.part_of else "",
        "properties": properties_of(item),
        "visible_to": sorted(ItemVisibility.objects.filter(item=item).values_list("account_set__name", flat=True)),
    }


def properties_of(item: Item) -> dict[str, list[str]]:
    """Its properties as ItemFields takes them."""
    found: dict[str, list[str]] = {}
    for name, value in ItemProperty.objects.filter(item=item).order_by("name", "position").values_list("name", "value"):
        found.setdefault(name, []).append(value)
    return found


def add_members(collection: Item, external_ids: Iterable[str], *, actor_id: str) -> int:
    """Put items of the site into the collection; answers how many were not in it. Raises ValidationError, and adds none then."""
    return change_members(collection, external_ids, adding=True, actor_id=actor_id)


def remove_members(collection: Item, external_ids: Iterable[str], *, actor_id: str) -> int:
    """Take items out of the collection; answers how many were in it. Raises ValidationError, and removes none then."""
    return change_members(collection, external_ids, adding=False, actor_id=actor_id)


def change_members(collection: Item, external_ids: Iterable[str], *, adding: bool, actor_id: str) -> int:
    wanted = set(external_ids)
    if not collection.is_collection:
        raise ValidationError("Only a collection has items in it.")
    if not 0 < len(wanted) <= MOST_MEMBERS:
        raise ValidationError({"external_ids": [f"Name 1 to {MOST_MEMBERS:,} items."]})
    if any(len(each) > ID_LENGTH for each in wanted):
        raise ValidationError({"external_ids": [f"An ID has at most {ID_LENGTH} characters."]})
    with transaction.atomic(durable=True):
        locking.lock_ids(Item, [collection.pk])  # So that the count is exact.
        found = list(items_named(collection.site_id, wanted))
        if unknown := wanted - {name for _, name, _ in found}:
            raise ValidationError({"external_ids": [f"This site has no item {named(unknown)}."]})
        if adding and (nested := {name for _, name, meta_type in found if meta_type == COLLECTION}):
            raise ValidationError({"external_ids": [f"A collection holds no collections: {named(nested)}."]})
        ids = [pk for pk, _, _ in found]
        there = set(
            CollectionMember.objects.filter(collection=collection, item__in=ids).values_list("item_id", flat=True)
        )
        if adding:
            CollectionMember.objects.bulk_create(
                [CollectionMember(collection=collection, item_id=pk) for pk in sorted(set(ids) - there)],
                batch_size=1_000,
            )
        else:
            CollectionMember.objects.filter(collection=collection, item__in=there).delete()
        touched = len(set(ids) - there) if adding else len(there)
        audit("item.add_members" if adding else "item.remove_members", collection, {"items": touched}, actor_id)
    return touched


def items_named(site_id: int, external_ids: Iterable[str]) -> Iterable[tuple[int, str, str]]:
    """(ID, external ID, meta-type) of the site's items of these IDs, in as few statements as SQLite takes."""
    names = sorted(external_ids)
    for start in range(0, len(names), 5_000):
        rows = Item.objects.filter(site_id=site_id, external_id__in=names[start : start + 5_000])
        yield from rows.values_list("pk", "external_id", "meta_type")


def audit(action: str, item: Item, detail: dict[str, Any], actor_id: str) -> None:
    auditing.record(
        action,
        site=item.site_id,
        actor_id=actor_id,
        object_type="item",
        object_id=item.pk,
        detail={"external_id": item.external_id, **detail},
    )
