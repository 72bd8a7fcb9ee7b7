"""Giving and taking what a user wears: tags. Licences are given in licensing.py."""

import datetime as dt
from collections.abc import Iterable

from accounts.locking import lock_rows
from accounts.models import Tag, UserTag


def tags_named(site_id: int, names: Iterable[str]) -> dict[str, Tag]:
    """The site's tags of these names; the missing ones are made."""
    wanted = set(names)
    Tag.objects.bulk_create([Tag(site_id=site_id, name=name) for name in sorted(wanted)], ignore_conflicts=True)
    return {tag.name: tag for tag in Tag.objects.filter(site_id=site_id, name__in=wanted)}


def give_tags(pairs: Iterable[tuple[int, int]], now: dt.datetime) -> None:
    """Put a tag on a user for each (user ID, tag ID). Raises IntegrityError if somebody wears one already."""
    UserTag.objects.bulk_create([UserTag(user_id=user, tag_id=tag, created_at=now) for user, tag in sorted(pairs)])


def take_tags(pairs: Iterable[tuple[int, int]]) -> int:
    """Take the tags off again; answers how many were still worn."""
    tags_of: dict[int, set[int]] = {}
    for user, tag in pairs:
        tags_of.setdefault(user, set()).add(tag)
    taken = 0
    for user, tags in sorted(tags_of.items()):
        worn = lock_rows(UserTag.objects.filter(user_id=user, tag_id__in=tags))
        taken += UserTag.objects.filter(pk__in=[each.pk for each in worn]).delete()[0]
    return taken
