"""Writing account sets: their names, and the tags that their users must, may and must not wear."""

from collections.abc import Iterable, Mapping

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import auditing, locking
from accounts.granting import tags_named
from accounts.models import AccountSet, AccountSetRule, Site
from accounts.wording import check_line, named

Kind = AccountSetRule.Kind
Rules = Mapping[str, Iterable[str]]  # {kind: names of tags}
MOST_TAGS = 200
TAKEN = {"name": ["This site has an account set of this name already."]}


def create_account_set(site: Site, name: str, rules: Rules, *, actor_id: str) -> AccountSet:
    """Tags that the site does not have yet are made. Raises ValidationError."""
    return write(AccountSet(site=site), name, rules, "accountset.create", actor_id)


def change_account_set(account_set: AccountSet, name: str, rules: Rules, *, actor_id: str) -> AccountSet:
    """From the commit on it holds whoever fulfils the new rules, with their licences, prices and what they may see.

    Raises ValidationError.
    """
    return write(account_set, name, rules, "accountset.change", actor_id)


def write(account_set: AccountSet, name: str, rules: Rules, action: str, actor_id: str) -> AccountSet:
    check_line("name", name, 100)
    wanted = {kind: list(dict.fromkeys(rules.get(kind, ()))) for kind in Kind.values}
    check(wanted)
    try:
        with transaction.atomic(durable=True):
            before = None
            if account_set.pk:
                [account_set] = locking.lock_ids(AccountSet, [account_set.pk]).values()
                before = {"name": account_set.name, **rules_of(account_set)}
            account_set.name = name
            account_set.save()
            account_set.rules.all().delete()
            tags = tags_named(account_set.site_id, {tag for names in wanted.values() for tag in names})
            AccountSetRule.objects.bulk_create(
                AccountSetRule(account_set=account_set, tag=tags[tag], kind=kind)
                for kind, names in wanted.items()
                for tag in names
            )
            auditing.record(
                action,
                site=account_set.site_id,
                actor_id=actor_id,
                object_type="accountset",
                object_id=account_set.pk,
                detail={"name": name, **wanted, **({"was": before} if before else {})},
            )
    except IntegrityError as error:
        raise ValidationError(TAKEN) from error
    return account_set


def check(wanted: Mapping[str, list[str]]) -> None:
    for kind, names in wanted.items():
        for tag in names:
            check_line(kind, tag, 100)
    every = [tag for names in wanted.values() for tag in names]
    if len(every) > MOST_TAGS:
        raise ValidationError(f"At most {MOST_TAGS} tags.")
    if twice := {tag for tag in every if every.count(tag) > 1}:
        raise ValidationError(f"A tag stands in one list only: {named(twice)}.")
    if not (wanted[Kind.ALL] or wanted[Kind.ANY]):
        raise ValidationError(
            {"all": ["Name a tag that its users wear, here or in the next list: it would hold nobody."]}
        )


def rules_of(account_set: AccountSet) -> dict[str, list[str]]:
    """{kind: names of tags}, each kind there."""
    found: dict[str, list[str]] = {kind: [] for kind in Kind.values}
    for kind, tag in account_set.rules.order_by("tag__name").values_list("kind", "tag__name"):
        found[kind].append(tag)
    return found
