"""Codes on the desk: found by their characters, known by batch and serial, readable only when revealed."""

import pytest
from django.urls import reverse

from accounts.models import AuditRecord
from codes.models import Code, IssueOrder
from tests.admin.desk import ITEM_TEXT, MONEY_TEXT, World, list_of, make_world, page_of, signed_in, text_of
from tests.factories import make_code, make_site, make_staff

pytestmark = pytest.mark.django_db
FIND = "/admin/codes/code/find/"


def readable(page: str) -> bool:
    """Whether a page shows either code, however it is spelled."""
    plain = page.upper().replace("-", "").replace(" ", "")
    return any(text.replace("-", "") in plain for text in (MONEY_TEXT, ITEM_TEXT))


def reveals(code: Code):
    return AuditRecord.objects.filter(action="code.reveal", object_id=str(code.pk))


def test_no_page_of_the_desk_shows_a_code(world: World):
    browser = world.sign_in("superuser")
    paths = [reverse("admin:index")]
    for model, row in world.rows.items():
        paths += [list_of(model), page_of(row)]
    paths += [
        page_of(world.refusal),
        page_of(world.item),
        page_of(world.money, "reveal"),
        page_of(world.redemption, "reverse"),
    ]
    for path in paths:
        assert not readable(text_of(browser.get(path))), path


@pytest.mark.parametrize(
    "typed", [MONEY_TEXT, "secretcash7k2m", " secret cash 7K2M ", "SECRET–CASH–7K2M", "ＳＥＣＲＥＴ-cash-7k2m"]
)
def test_a_pasted_code_leads_to_its_page_in_any_spelling(world: World, typed: str):
    answer = world.sign_in("support").post(FIND, {"code": typed})

    assert answer.status_code == 302
    assert answer["Location"] == page_of(world.money)


@pytest.mark.parametrize("typed", ["SECRET-CASH-7K2N", "??", "x" * 100, "\x00abc", "ſecret-cash-7k2m"])
def test_what_is_no_code_is_said_so_and_never_written_back(world: World, typed: str):
    answer = world.sign_in("support").post(FIND, {"code": typed})

    assert answer.status_code == 200
    page = text_of(answer)
    assert "reads like that" in page or "Null characters" in page
    assert typed not in page


def test_a_code_of_another_site_is_as_unknown_as_any(world: World):
    stranger = signed_in(make_staff(make_site(), role="manager"))

    assert "No code of your sites reads like that" in text_of(stranger.post(FIND, {"code": MONEY_TEXT}))


def test_a_code_that_two_sites_have_is_offered_with_both(world: World):
    twin = make_code(make_site(name="Twin"), MONEY_TEXT)
    page = text_of(world.sign_in("superuser").post(FIND, {"code": MONEY_TEXT}))

    assert page_of(twin) in page
    assert page_of(world.money) in page
    assert not readable(page)


def test_what_is_typed_stands_in_no_address(world: World):
    """The list's own search box posts as well, and a query is not searched for."""
    browser = world.sign_in("support")
    page = text_of(browser.get(list_of("codes_code")))
    form = page[page.index('id="find-form"') :]

    assert 'method="post"' in form[: form.index(">")]
    assert f'action="{FIND}"' in form[: form.index(">")]
    assert 'name="q"' not in page
    assert page_of(world.money) in text_of(browser.get(list_of("codes_code"), {"q": "no such thing"}))


def test_codes_of_an_order_that_is_not_done_are_not_there(world: World):
    from codes import issuing, jobs

    order = world.rows["codes_issueorder"]
    claimed = jobs.claim(IssueOrder, order.pk)
    issuing.insert_codes(jobs.lock(claimed, "terms"), 2)
    code = Code.objects.filter(order=order).first()

    assert code is not None
    assert world.sign_in("superuser").get(page_of(code)).status_code == 404


def test_revealing_takes_a_reason_shows_the_code_once_and_is_audited(world: World):
    browser = world.sign_in("manager")
    assert not readable(text_of(browser.get(page_of(world.money, "reveal"))))
    answer = browser.post(page_of(world.money, "reveal"), {"reason": "  printed badly "})

    assert MONEY_TEXT in text_of(answer)
    assert answer["Cache-Control"].startswith("no-store")
    row = reveals(world.money).get()
    assert (row.actor_id, row.detail["reason"]) == (world.staff["manager"].claimant_id, "printed badly")
    for path in (page_of(world.money), page_of(world.money, "reveal"), list_of("codes_code"), page_of(row)):
        assert not readable(text_of(browser.get(path)))


@pytest.mark.parametrize("form", [{}, {"reason": ""}, {"reason": "   "}, {"reason": "x" * 201}])
def test_without_a_reason_nothing_is_revealed(world: World, form: dict):
    answer = world.sign_in("manager").post(page_of(world.money, "reveal"), form)

    assert not readable(text_of(answer))
    assert not reveals(world.money).exists()


def test_a_page_that_is_only_opened_reveals_nothing(world: World):
    world.sign_in("manager").get(page_of(world.money, "reveal"), {"reason": "a link"})

    assert not reveals(world.money).exists()


@pytest.mark.parametrize("role", ["support", "operator"])
def test_who_may_not_reveal_cannot(world: World, role: str):
    browser = world.sign_in(role)

    assert page_of(world.money, "reveal") not in text_of(browser.get(page_of(world.money)))
    assert browser.post(page_of(world.money, "reveal"), {"reason": "please"}).status_code == 403
    assert not reveals(world.money).exists()


def test_switching_a_code_off_and_on_with_a_reason(world: World):
    browser = world.sign_in("operator")
    browser.post(page_of(world.money, "switch_off"), {"reason": "lost"})
    world.money.refresh_from_db()
    assert world.money.state == "disabled"
    assert AuditRecord.objects.get(action="code.change", object_id=str(world.money.pk)).detail["reason"] == "lost"

    browser.post(page_of(world.money, "switch_on"), {"reason": "found"})
    world.money.refresh_from_db()
    assert world.money.state == "active"


def test_a_used_up_code_offers_no_switch(world: World):
    page = text_of(world.sign_in("operator").get(page_of(world.item)))

    assert page_of(world.item, "switch_off") not in page
    assert page_of(world.item, "switch_on") not in page


def test_a_codes_page_tells_its_uses_its_terms_and_who_tried_it(world: World):
    page = text_of(world.sign_in("support").get(page_of(world.money)))

    for told in ("Cash", "2 of 3", "Credit money or points: 5.00 EUR", "R-0000", "(reversed)", world.claimant.name):
        assert told in page


def test_the_list_filters_by_batch_state_site_and_owner(world: World):
    other = make_world("elsewhere")
    browser = world.sign_in("superuser")

    def listed(**query: object) -> set[int]:
        page = text_of(browser.get(list_of("codes_code"), query))
        return {code.pk for code in Code.objects.all() if page_of(code) in page}

    assert listed(batch=world.batch.pk) == {world.money.pk}
    assert listed(site=other.site.pk) == set(Code.objects.filter(site=other.site).values_list("pk", flat=True))
    assert listed(state__exact="used_up") == {world.item.pk, other.item.pk}
    Code.objects.filter(pk=world.money.pk).update(owner=world.claimant)
    assert listed(owner=world.claimant.pk) == {world.money.pk}
    for nonsense in ({"batch": "x"}, {"batch": "9" * 30}, {"owner": "-1"}):
        assert listed(**nonsense) == set()
    assert listed(site="x") == listed()
