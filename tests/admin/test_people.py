"""Users, staff, memberships, sites, tags and the audit on the desk."""

import pytest
from django.contrib.admin.models import LogEntry

from accounts import auditing
from accounts.models import AuditRecord, Membership, Site, Tag, User
from ledger.models import LedgerAccount
from tests.admin.desk import World, list_of, make_world, page_of, signed_in, text_of
from tests.factories import make_asset, make_staff, make_user

pytestmark = pytest.mark.django_db
ADD_CLAIMANT = "/admin/accounts/user/add-claimant/"
ADD_STAFF = "/admin/accounts/user/add-staff/"
PASSWORD = "a long enough phrase"


def audited(action: str) -> AuditRecord:
    """The one row of this deed, whole and untouched."""
    row = AuditRecord.objects.get(action=action)
    assert bytes(row.mac) == auditing.mac(row)
    return row


def test_a_claimant_is_added_with_the_sites_default_account(world: World):
    world.site.default_asset_code = make_asset("EUR").code
    world.site.save()
    answer = world.sign_in("manager").post(
        ADD_CLAIMANT,
        {
            "site": world.site.pk,
            "email": "New@Example.Test",
            "name": "New",
            "claimant_id": "u-new",
            "password": PASSWORD,
        },
    )
    user = User.objects.get(claimant_id="u-new")

    assert answer["Location"] == page_of(user)
    assert (user.site, user.email, user.is_staff) == (world.site, "new@example.test", False)
    assert user.check_password(PASSWORD)
    assert LedgerAccount.objects.get(owner=user).asset.code == "EUR"
    assert audited("user.create").object_id == "u-new"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"email": "nonsense"}, "Enter a valid email address"),
        ({"email": "taken@example.test"}, "of this address already"),
        ({"claimant_id": "u-taken"}, "of this ID already"),
        ({"password": "short"}, "too short"),
        ({"password": "password1234"}, "too common"),
        ({"language": "tlh"}, "Select a valid choice"),
        ({"site": ""}, "This field is required"),
    ],
)
def test_what_is_wrong_with_a_claimant_is_said_and_nobody_is_added(world: World, wrong: dict, said: str):
    make_user(world.site, claimant_id="u-taken", email="taken@example.test")
    before = User.objects.count()
    form = {"site": world.site.pk, "email": "ok@example.test", "claimant_id": "", "password": PASSWORD, **wrong}
    page = text_of(world.sign_in("manager").post(ADD_CLAIMANT, form))

    assert said in page
    assert PASSWORD not in page
    assert User.objects.count() == before


def test_a_site_whose_default_asset_is_missing_says_so(world: World):
    Site.objects.filter(pk=world.site.pk).update(default_asset_code="XXX")
    before = User.objects.count()
    page = text_of(world.sign_in("manager").post(ADD_CLAIMANT, {"site": world.site.pk, "name": "New"}))

    assert "default asset does not exist" in page
    assert User.objects.count() == before


def test_changing_a_claimant_is_audited_in_our_own_books_alone(world: World):
    path = page_of(world.claimant)
    world.sign_in("operator").post(path, {"name": "Anna B.", "email": "ANNA@example.test", "language": "de"})
    world.claimant.refresh_from_db()

    assert (world.claimant.name, world.claimant.email, world.claimant.language) == (
        "Anna B.",
        "anna@example.test",
        "de",
    )
    assert not world.claimant.is_active  # The switch was off.
    row = audited("user.change")
    assert (row.actor_id, row.site) == (world.staff["operator"].claimant_id, world.site)
    assert set(row.detail["changed"]) == {"name", "email", "language", "is_active"}
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(
    "wrong", [{"email": "taken@example.test"}, {"email": "x"}, {"name": "x" * 101}, {"language": "xx"}]
)
def test_a_wrong_change_changes_nothing(world: World, wrong: dict):
    make_user(world.site, email="taken@example.test")
    answer = world.sign_in("operator").post(
        page_of(world.claimant), {"name": "Other", "email": "o@example.test", "is_active": "on", **wrong}
    )
    world.claimant.refresh_from_db()

    assert answer.status_code == 200
    assert world.claimant.name == "Anna Beispiel"
    assert not AuditRecord.objects.filter(action="user.change").exists()


def test_no_form_makes_staff_or_superusers_of_anybody(world: World):
    form = {
        "name": "A",
        "email": "a@example.test",
        "is_active": "on",
        "is_staff": "on",
        "is_superuser": "on",
        "site": "",
        "password": "x",
    }
    world.sign_in("manager").post(page_of(world.claimant), form)
    world.claimant.refresh_from_db()

    assert (world.claimant.is_staff, world.claimant.is_superuser) == (False, False)
    assert world.claimant.site == world.site


def test_only_superusers_change_staff(world: World):
    colleague = make_staff(world.site)
    User.objects.filter(pk=colleague.pk).update(site=world.site)
    manager, root = world.sign_in("manager"), world.sign_in("superuser")

    assert manager.post(page_of(colleague), {"name": "X", "email": "x@example.test"}).status_code == 403
    assert manager.post(page_of(colleague, "set_password"), {"password": PASSWORD}).status_code == 403
    assert root.post(page_of(colleague), {"name": "X", "email": "x@example.test", "is_active": "on"}).status_code == 302
    assert root.post(page_of(colleague, "set_password"), {"password": PASSWORD}).status_code == 302
    colleague.refresh_from_db()
    assert colleague.check_password(PASSWORD)


def test_a_new_password_ends_every_session(world: World):
    theirs = signed_in(world.staff["support"])
    assert theirs.get(list_of("codes_batch")).status_code == 200
    assert "too common" in text_of(
        world.sign_in("superuser").post(page_of(world.staff["support"], "set_password"), {"password": "password1234"})
    )
    world.sign_in("superuser").post(page_of(world.staff["support"], "set_password"), {"password": PASSWORD})

    assert theirs.get(list_of("codes_batch")).status_code == 302
    assert PASSWORD not in str(audited("user.set_password").detail)


def test_superusers_add_staff_who_then_need_a_membership(world: World):
    root = world.sign_in("superuser")
    form = {"email": "Clerk@example.test", "name": "Clerk", "password": PASSWORD}
    root.post(ADD_STAFF, form)
    clerk = User.objects.get(email="clerk@example.test")
    assert (clerk.site, clerk.is_staff, clerk.is_superuser) == (None, True, False)
    assert "has this address already" in text_of(root.post(ADD_STAFF, form))

    root.post(list_of("accounts_membership", "add"), {"user": clerk.pk, "site": world.site.pk, "role": "support"})
    membership = Membership.objects.get(user=clerk)
    assert audited("membership.create").detail == {"user": clerk.claimant_id, "role": "support"}
    assert signed_in(clerk).get(page_of(world.batch)).status_code == 200

    root.post(page_of(membership), {"user": clerk.pk, "site": world.site.pk, "role": "manager"})
    assert audited("membership.change").detail["changed"] == ["role"]
    root.post(page_of(membership, "delete"), {"post": "yes"})
    assert audited("membership.delete").site == world.site
    assert signed_in(clerk).get(page_of(world.batch)).status_code == 403


def test_a_person_has_one_membership_a_site_and_only_staff_have_any(world: World):
    root = world.sign_in("superuser")
    path = list_of("accounts_membership", "add")
    twice = root.post(path, {"user": world.staff["support"].pk, "site": world.site.pk, "role": "manager"})
    claimant = root.post(path, {"user": world.claimant.pk, "site": world.site.pk, "role": "manager"})

    assert twice.status_code == claimant.status_code == 200
    assert Membership.objects.filter(role="manager").count() == 1


def test_a_site_is_set_up_and_bad_values_are_refused(world: World):
    root = world.sign_in("superuser")
    form = {
        "slug": "north", "name": "North", "domain": "North.Example", "language": "de", "time_zone": "Europe/Berlin",
        "default_asset_code": "", "guesses_per_client": 1000, "guesses_per_network": 5000, "guesses_in_total": 100000,
        "guesses_per_year": 1000000,
    }  # fmt: skip
    path = list_of("accounts_site", "add")
    for wrong in (
        {"slug": "redemptions"}, {"slug": "a b"}, {"slug": "shop"}, {"domain": "https://x/"}, {"domain": "x:80"}, {"domain": ""},
        {"time_zone": "Mars"}, {"guesses_per_client": 0}, {"guesses_in_total": -1}, {"name": ""}, {"default_asset_code": "x" * 13},
    ):  # fmt: skip
        assert root.post(path, {**form, **wrong}).status_code == 200, wrong
    assert not Site.objects.filter(slug="north").exists()

    root.post(path, form)
    site = Site.objects.get(slug="north")
    assert (site.domain, site.time_zone) == ("north.example", "Europe/Berlin")
    assert audited("site.create").site == site


def test_managers_add_tags_to_their_own_sites(world: World):
    elsewhere = make_world("elsewhere")
    browser = elsewhere.sign_in("manager")
    path = list_of("accounts_tag", "add")

    assert browser.post(path, {"site": world.site.pk, "name": "gold"}).status_code == 200
    assert not Tag.objects.filter(name="gold").exists()
    assert browser.post(path, {"site": elsewhere.site.pk, "name": "gold"}).status_code == 302
    assert browser.post(path, {"site": elsewhere.site.pk, "name": "gold"}).status_code == 200
    assert Tag.objects.filter(site=elsewhere.site, name="gold").count() == 1
    assert audited("tag.create").detail == {"name": "gold"}


def test_users_are_found_by_their_whole_id_or_address(world: World):
    browser = world.sign_in("support")
    for term, found in ((world.claimant.claimant_id, True), (world.claimant.email.upper(), True), ("anna", False)):
        page = text_of(browser.get(list_of("accounts_user"), {"q": term}))
        assert (page_of(world.claimant) in page) is found, term


def test_platform_staff_are_seen_by_superusers_alone(world: World):
    root = world.staff["superuser"]

    assert page_of(root) in text_of(world.sign_in("superuser").get(list_of("accounts_user"), {"kind": "staff"}))
    assert page_of(root) not in text_of(world.sign_in("manager").get(list_of("accounts_user"), {"kind": "staff"}))
    assert world.sign_in("manager").get(page_of(root)).status_code == 404


def test_a_users_page_leads_to_their_accounts(world: World):
    page = text_of(world.sign_in("support").get(page_of(world.claimant)))

    assert page_of(LedgerAccount.objects.get(owner=world.claimant)) in page
    assert "5.00 EUR" in page


def test_the_audit_shows_what_was_done_and_never_changes(world: World):
    row = AuditRecord.objects.filter(action="batch.order", site=world.site).latest("id")
    page = text_of(world.sign_in("manager").get(page_of(row)))

    assert "batch.order" in page
    assert "&quot;count&quot;: 3" in page
    assert world.sign_in("superuser").post(page_of(row), {"action": "nothing"}).status_code == 403
