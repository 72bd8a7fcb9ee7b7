"""Staff rights are memberships: a role on a site, and nothing anywhere else."""

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction

from accounts.models import Membership, User
from accounts.models.users import MANAGE, OPERATE, VIEW
from tests.factories import make_site, make_staff, make_user

pytestmark = pytest.mark.django_db


def test_each_role_may_all_that_the_one_before_it_may():
    assert VIEW < OPERATE < MANAGE


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("support", "codes.view_code", "codes.issue_codes"),
        ("operator", "codes.issue_codes", "codes.reveal_code"),
        ("operator", "codes.reverse_redemption", "ledger.grant_value"),
        ("manager", "codes.reveal_code", "accounts.delete_user"),
        ("manager", "ledger.grant_value", "ledger.add_transfer"),
    ],
)
def test_a_role_gives_its_permissions_and_no_more(role, may, may_not):
    staff = make_staff(make_site(), role=role)

    assert staff.has_perm(may)
    assert not staff.has_perm(may_not)
    assert not staff.has_perms([may, may_not])


def test_permissions_count_on_the_site_of_the_membership_only():
    here, there = make_site(), make_site()
    staff = make_staff(here, role="manager")
    Membership.objects.create(user=staff, site=there, role="support")

    assert "codes.reveal_code" in staff.staff_permissions(here.pk)
    assert "codes.reveal_code" not in staff.staff_permissions(there.pk)
    assert "codes.view_code" in staff.staff_permissions(there.pk)
    assert staff.staff_permissions(make_site().pk) == frozenset()


def test_a_membership_of_somebody_who_is_not_staff_gives_nothing():
    site = make_site()
    user = make_user(site)
    Membership.objects.create(user=user, site=site, role="manager")

    assert user.staff_permissions() == frozenset()
    assert not user.has_perm("codes.view_code")
    assert not user.has_module_perms("codes")


def test_staff_who_are_switched_off_may_nothing():
    staff = make_staff(make_site(), is_active=False)
    boss = User.objects.create_superuser(email="root@example.test")
    boss.is_active = False

    for user in (staff, boss):
        assert not user.has_perm("codes.view_code")
        assert not user.has_module_perms("codes")


def test_a_superuser_may_everything():
    boss = User.objects.create_superuser(email="root@example.test")

    assert boss.has_perm("accounts.delete_user")
    assert boss.has_module_perms("ledger")


def test_staff_see_the_packages_they_may_do_something_in():
    staff = make_staff(make_site(), role="support")

    assert staff.has_module_perms("codes")
    assert not staff.has_module_perms("auth")


def test_one_membership_a_site_and_only_known_roles():
    site = make_site()
    staff = make_staff(site)

    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(user=staff, site=site, role="support")
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(user=staff, site=make_site(), role="god")


def test_every_permission_that_a_role_names_exists():
    known = {f"{p.content_type.app_label}.{p.codename}" for p in Permission.objects.select_related("content_type")}

    assert known >= MANAGE
