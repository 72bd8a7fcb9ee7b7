"""Who may open what: every address of the desk against every kind of person, and nothing of another site to anybody."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse

from accounts.models import User
from accounts.models.users import MANAGE, OPERATE, VIEW
from tests.admin.desk import World, make_world, page_of, signed_in

pytestmark = pytest.mark.django_db

HELD = {"support": VIEW, "operator": OPERATE, "manager": MANAGE}
NOBODY = "only superusers"
# What each page of a row or a list asks for beyond seeing the row; everything else is Django's own four pages.
ROW_DEEDS = {
    "codes_batch_issue_more": "codes.issue_codes",
    "codes_batch_hand_out": "codes.issue_codes",
    "codes_batch_export": "codes.export_codes",
    "codes_batch_cancel": "codes.issue_codes",
    "codes_batch_replenish": "codes.issue_codes",
    "codes_batch_switch_off": "codes.switch_codes",
    "codes_batch_switch_on": "codes.switch_codes",
    "codes_batch_progress": "codes.view_batch",
    "codes_batch_import_more": "codes.issue_codes",
    "codes_codeimport_confirm": "codes.issue_codes",
    "codes_codeimport_discard": "codes.issue_codes",
    "codes_codeimport_progress": "codes.view_codeimport",
    "codes_codeimport_problems": "codes.view_codeimport",
    "codes_batch_edit_codes": "codes.edit_batch",
    "codes_batch_cap": "codes.edit_batch",
    "codes_batch_archive": "codes.edit_batch",
    "codes_batchedit_cancel": "codes.edit_batch",
    "codes_batchedit_progress": "codes.view_batchedit",
    "codes_code_reveal": "codes.reveal_code",
    "codes_code_switch_off": "codes.switch_codes",
    "codes_code_switch_on": "codes.switch_codes",
    "codes_attempt_reverse": "codes.reverse_redemption",
    "codes_workitem_done": "codes.close_workitem",
    "codes_workitem_cancel": "codes.close_workitem",
    "codes_receiptmail_send_again": "codes.retry_receiptmail",
    "codes_advice_retry": "codes.retry_advice",
    "codes_advice_discard": "codes.retry_advice",
    "codes_advice_reveal": "codes.reveal_code",
    "codes_article_edit": "codes.edit_article",
    "codes_articlecharacteristic_rename": "codes.edit_article",
    "codes_itemstatus_rename": "codes.edit_article",
    "codes_shoporder_move": "codes.move_item",
    "accounts_venue_edit": "accounts.edit_venue",
    "accounts_venue_close": "accounts.edit_venue",
    "accounts_venue_open": "accounts.edit_venue",
    "accounts_systemtype_rename": "accounts.edit_venue",
    "ledger_ledgeraccount_book": "ledger.grant_value",
    "ledger_ledgeraccount_change_account": "ledger.grant_value",
    "ledger_ledgeraccount_grant_points": "ledger.grant_value",
    "accounts_user_grant_points": "ledger.grant_value",
    "accounts_member_grant_points": "ledger.grant_value",
    "ledger_suspendedbooking_cancel": "ledger.grant_value",
    "ledger_reservation_release": "codes.release_reservation",
    "accounts_user_open_account": "ledger.grant_value",
    "accounts_characteristic_rename": "accounts.edit_persontype",
    "accounts_persontype_edit": "accounts.edit_persontype",
    "accounts_persontype_add_person": "accounts.edit_person",
    "accounts_person_edit": "accounts.edit_person",
    "accounts_person_set_secret": "accounts.edit_person",
    "accounts_person_forget": "accounts.switch_person",
    "accounts_person_switch_off": "accounts.switch_person",
    "accounts_person_switch_on": "accounts.switch_person",
    "accounts_visitor_forget": "accounts.switch_person",
    "accounts_prepaidsettings_edit": "accounts.edit_prepaidsettings",
    "accounts_prepaidsettings_license": NOBODY,
    "accounts_prepaidsettings_maintenance_on": "accounts.edit_prepaidsettings",
    "accounts_prepaidsettings_maintenance_off": "accounts.edit_prepaidsettings",
    "accounts_member_identifiers": "accounts.edit_member",
    "accounts_member_emails": "accounts.edit_member",
    "accounts_member_card": "accounts.edit_member",
    "accounts_member_join": "accounts.edit_household",
    "accounts_member_leave": "accounts.edit_household",
    "accounts_member_suspend": "accounts.switch_member",
    "accounts_member_close": "accounts.switch_member",
    "accounts_member_activate": "accounts.switch_member",
    "accounts_household_add_member": "accounts.edit_household",
    "accounts_household_remove_member": "accounts.edit_household",
    "accounts_household_primary": "accounts.edit_household",
    "accounts_household_mode": "accounts.edit_household",
    "accounts_businessunit_remove": "accounts.edit_loyaltysettings",
    "accounts_catalogueitem_edit": "accounts.edit_loyaltysettings",
    "accounts_loyaltysettings_edit": "accounts.edit_loyaltysettings",
    "accounts_loyaltysettings_switch_on": "accounts.edit_loyaltysettings",
    "accounts_loyaltysettings_switch_off": "accounts.edit_loyaltysettings",
    "accounts_client_identifier_types": "accounts.add_client",
    "accounts_item_edit": "accounts.edit_item",
    "accounts_item_add_items": "accounts.edit_item",
    "accounts_item_remove_items": "accounts.edit_item",
    "accounts_offer_edit": "accounts.edit_offer",
    "accounts_offer_archive": "accounts.edit_offer",
    "accounts_accountset_edit": "accounts.edit_accountset",
    "accounts_licence_end": "accounts.end_licence",
    "accounts_client_revoke": "accounts.revoke_client",
    "accounts_client_add_till": "accounts.add_client",
    "accounts_client_add_till_key": "accounts.add_client",
    "accounts_client_remove_till": "accounts.revoke_client",
    "accounts_user_set_password": "accounts.add_user",
}
LIST_DEEDS = {
    "codes_batch_issue": "codes.issue_codes",
    "codes_codeimport_upload": "codes.issue_codes",
    "codes_code_find": "codes.view_code",
    "codes_advice_judge_again": "codes.retry_advice",
    "codes_advice_give_up": "codes.retry_advice",
    "codes_article_create": "codes.edit_article",
    "codes_articlecharacteristic_create": "codes.edit_article",
    "codes_itemstatus_create": "codes.edit_article",
    "codes_shoporder_place": "codes.place_order",
    "accounts_venue_create": "accounts.edit_venue",
    "accounts_systemtype_create": "accounts.edit_venue",
    "accounts_characteristic_create": "accounts.edit_persontype",
    "accounts_persontype_create": "accounts.edit_persontype",
    "accounts_person_create": "accounts.edit_person",
    "accounts_prepaidsettings_create": "accounts.edit_prepaidsettings",
    "accounts_member_create": "accounts.edit_member",
    "accounts_household_create": "accounts.edit_household",
    "accounts_businessunit_create": "accounts.edit_loyaltysettings",
    "accounts_catalogueitem_create": "accounts.edit_loyaltysettings",
    "accounts_loyaltysettings_create": "accounts.edit_loyaltysettings",
    "accounts_item_create": "accounts.edit_item",
    "accounts_offer_create": "accounts.edit_offer",
    "accounts_accountset_create": "accounts.edit_accountset",
    "accounts_licence_give": "accounts.give_licence",
    "accounts_client_create": "accounts.add_client",
    "accounts_user_add_claimant": "accounts.add_user",
    "accounts_user_add_staff": NOBODY,
}
ADDED_BY_FORM = {
    "accounts_site": NOBODY,
    "accounts_membership": NOBODY,
    "accounts_tag": "accounts.add_tag",
    "ledger_asset": NOBODY,
}
DELETED_BY_FORM = {"accounts_membership": NOBODY}
OTHER_PAGES = {
    "index", "login", "logout", "password_change", "password_change_done", "autocomplete", "jsi18n", "view_on_site", "search",
    "app_list", "codes_batch_format_help", None,
}  # fmt: skip


def names(patterns: list[Any]) -> set[str | None]:
    found: set[str | None] = set()
    for each in patterns:
        if isinstance(each, URLResolver):
            found |= names(each.url_patterns)
        elif isinstance(each, URLPattern):
            found.add(each.name)
    return found


def view_permission(model: str) -> str:
    app, name = model.split("_", 1)
    return f"{app}.view_{name}"


def is_held(role: str, permission: str) -> bool:
    return role == "superuser" or permission in HELD.get(role, ())


def test_every_address_of_the_desk_is_in_these_tables(world: World):
    models = set(world.rows)
    own = {f"{model}_{page}" for model in models for page in ("changelist", "add", "change", "delete", "history")}

    assert names(admin.site.get_urls()) == own | set(ROW_DEEDS) | set(LIST_DEEDS) | OTHER_PAGES


@pytest.mark.parametrize("role", ["support", "operator", "manager", "superuser"])
def test_each_role_opens_what_its_permissions_say_and_nothing_else(world: World, role: str):
    browser = world.sign_in(role)
    wrong = []
    for model, row in world.rows.items():
        sees = is_held(role, view_permission(model))
        adds = model in ADDED_BY_FORM and is_held(role, ADDED_BY_FORM[model])
        deletes = model in DELETED_BY_FORM and is_held(role, DELETED_BY_FORM[model])
        expected = {
            reverse(f"admin:{model}_changelist"): 200 if sees else 403,
            page_of(row): 200 if sees else 403,
            reverse(f"admin:{model}_add"): 200 if adds else 403,
            page_of(row, "delete"): 200 if deletes else 403,
            page_of(row, "history"): 404,
        }
        wrong += [
            (path, status, got) for path, status in expected.items() if (got := browser.get(path).status_code) != status
        ]
    for name, permission in LIST_DEEDS.items():
        status = 200 if is_held(role, permission) else 403
        if (got := browser.get(reverse(f"admin:{name}")).status_code) != status:
            wrong.append((name, status, got))
    for name, permission in ROW_DEEDS.items():
        row = next(row for model, row in world.rows.items() if name.startswith(f"{model}_"))
        # A deed that the row does not offer as it stands leads back to it; who may not do it is refused before that.
        statuses = (200, 302) if is_held(role, permission) else (403,)
        if (got := browser.get(reverse(f"admin:{name}", args=[row.pk])).status_code) not in statuses:
            wrong.append((name, statuses, got))

    assert wrong == []


def test_a_manager_of_one_site_finds_nothing_of_another(world: World):
    stranger = make_world("elsewhere").sign_in("manager")
    told = []
    for model, row in world.rows.items():
        if model == "ledger_asset":
            continue  # Assets belong to the platform.
        status = 404 if is_held("manager", view_permission(model)) else 403
        told += [(model, got) for path in (page_of(row),) if (got := stranger.get(path).status_code) != status]
        if status == 404:
            listed = stranger.get(reverse(f"admin:{model}_changelist")).content.decode()
            told += [(model, "listed")] if page_of(row) in listed or world.site.name in listed else []
    for name in ROW_DEEDS:
        row = next(row for model, row in world.rows.items() if name.startswith(f"{model}_"))
        path = reverse(f"admin:{name}", args=[row.pk])
        told += [(name, got) for got in (stranger.get(path).status_code, stranger.post(path).status_code) if got != 404]

    assert told == []


def test_rights_on_one_site_are_none_on_another(world: World):
    """Support here and manager there: revealing is for there alone."""
    there = make_world("elsewhere")
    both = world.staff["support"]
    both.memberships.create(site=there.site, role="manager")
    browser = signed_in(both)

    assert browser.get(page_of(there.money, "reveal")).status_code == 200
    assert browser.get(page_of(world.money)).status_code == 200
    assert browser.get(page_of(world.money, "reveal")).status_code == 403
    assert browser.post(page_of(world.money, "reveal"), {"reason": "curious"}).status_code == 403
    assert world.site.name not in browser.get(reverse("admin:accounts_client_create")).content.decode()


@pytest.mark.parametrize("who", ["nobody", "claimant", "retired"])
def test_who_is_not_staff_is_asked_to_sign_in_everywhere(world: World, who: str):
    browser = Client()
    if who == "claimant":
        browser = signed_in(world.claimant)
    if who == "retired":
        browser = world.sign_in("manager")
        User.objects.filter(pk=world.staff["manager"].pk).update(is_staff=False)
    paths = [reverse("admin:index")]
    for model, row in world.rows.items():
        paths += [reverse(f"admin:{model}_changelist"), page_of(row)]
    paths += [reverse(f"admin:{name}") for name in LIST_DEEDS]
    paths += [
        reverse(
            f"admin:{name}", args=[next(row for model, row in world.rows.items() if name.startswith(f"{model}_")).pk]
        )
        for name in ROW_DEEDS
    ]

    for path in paths:
        for response in (browser.get(path), browser.post(path)):
            assert response.status_code == 302, path
            assert response["Location"].startswith(reverse("admin:login")), path


def test_staff_without_a_membership_see_a_page_that_says_so(world: World):
    loose = User.objects.create_user(None, "loose@example.test", None, is_staff=True)
    browser = signed_in(loose)

    first = browser.get(reverse("admin:index"))

    assert first.status_code == 200
    assert "You have no membership yet" in first.content.decode()
    assert world.site.name not in first.content.decode()
    for model in world.rows:
        assert browser.get(reverse(f"admin:{model}_changelist")).status_code == 403


def test_no_page_saves_or_deletes_rows_that_a_deed_owns(world: World):
    """Not even for superusers, whom Django lets do everything."""
    browser = world.sign_in("superuser")
    owned = [model for model in world.rows if model.startswith(("codes_", "ledger_ledger"))]
    content = (
        "accounts_item",
        "accounts_offer",
        "accounts_accountset",
        "accounts_licence",
        "accounts_venue",
        "accounts_systemtype",
        *("accounts_characteristic", "accounts_persontype", "accounts_person", "accounts_visitor"),
        "accounts_prepaidsettings",
        *("accounts_member", "accounts_household", "accounts_loyaltysettings"),
        *("accounts_businessunit", "accounts_catalogueitem"),
    )
    for model in [*owned, *content, "accounts_client", "accounts_auditrecord"]:
        row = world.rows[model]
        assert browser.post(page_of(row), {"_save": "1"}).status_code == 403, model
        assert browser.post(page_of(row, "delete"), {"post": "yes"}).status_code == 403, model
        assert browser.post(reverse(f"admin:{model}_add"), {"_save": "1"}).status_code == 403, model


def test_an_unknown_row_and_nonsense_for_a_key_are_not_found(world: World):
    browser = world.sign_in("manager")
    for model in (
        "codes_batch",
        "codes_attempt",
        "codes_advice",
        "ledger_ledgertransaction",
        "accounts_user",
        "accounts_venue",
    ):
        for key in ("0", "999999999999999999999", "x", "%00", "01a2003d-a488-77cb-a776-7fea900ced52"):
            path = reverse(f"admin:{model}_change", args=["KEY"]).replace("KEY", key)
            assert browser.get(path).status_code == 404, path


def test_lists_answer_only_the_questions_their_filters_ask(world: World):
    """Any column could else be read by asking about it."""
    browser = world.sign_in("superuser")
    for query in (
        "sealed__startswith=a",
        "lookup_odd__isnull=0",
        "last_actor_id__icontains=u",
        "owner__password__startswith=x",
    ):
        assert browser.get(f"{reverse('admin:codes_code_changelist')}?{query}").status_code == 400, query
    assert (
        browser.get(reverse("admin:codes_code_changelist"), {"o": "-2.3", "all": "", "p": "older.x"}).status_code == 200
    )


def test_the_sidebar_offers_only_what_may_be_opened(world: World):
    offered = world.sign_in("support").get(reverse("admin:index")).content.decode()

    assert reverse("admin:codes_batch_changelist") in offered
    assert reverse("admin:accounts_client_changelist") not in offered
    assert reverse("admin:accounts_membership_changelist") not in offered
