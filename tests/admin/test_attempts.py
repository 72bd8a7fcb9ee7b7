"""Attempts on the desk: why it was refused, check by check; and taking a redemption back."""

import pytest
from django.utils.html import strip_tags

from accounts.refusals import Refusal
from codes.admin.words import REASONS
from codes.models import Attempt, Code, Reversal
from ledger import moving
from ledger.balances import balance
from ledger.models import LedgerAccount
from tests.admin.desk import World, list_of, page_of, redeem, text_of

pytestmark = pytest.mark.django_db


def cash(world: World) -> LedgerAccount:
    return LedgerAccount.objects.get(owner=world.claimant)


def lines_of_checks(page: str) -> list[str]:
    table = page[page.index('id="checks"') :]
    body = table[table.index("<tbody>") : table.index("</tbody>")]
    return [" ".join(strip_tags(row).split()) for row in body.split("<tr>")[1:]]


def test_every_reason_of_the_tree_has_words():
    assert {refusal.reason for refusal in Refusal.tree()} == set(REASONS)


def test_a_refusal_shows_each_check_in_order_with_the_values_seen(world: World):
    page = text_of(world.sign_in("support").get(page_of(world.refusal)))
    lines = lines_of_checks(page)

    assert "The code is used up" in page
    assert "Step 4: Status of the code" in page
    assert [line.split(" passed")[0] for line in lines[:2]] == ["Read A code was given", "Read A claimant was given"]
    assert all("passed" in line for line in lines[:-1])
    assert lines[-1] == "Status of the code It has uses left failed uses: 1 max uses: 1"
    assert len(lines) == len(world.refusal.checks)
    assert "The receipt tells" not in page  # It gave nothing.


def test_a_redemption_shows_what_it_gave(world: World):
    page = text_of(world.sign_in("support").get(page_of(world.redemption)))

    for told in ("Redeemed", "R-0000", "amount: 5.00", world.claimant.name, page_of(world.money)):
        assert told in page
    assert "failed" not in " ".join(lines_of_checks(page))


@pytest.mark.parametrize("by", ["receipt", "id", "reference"])
def test_an_attempt_is_found_by_receipt_transaction_and_reference(world: World, by: str):
    referred = redeem(world.claimant, "NO-SUCH-CODE", reference="order 77")
    term = {"receipt": str(world.redemption), "id": str(world.redemption.pk), "reference": "order 77"}[by]
    page = text_of(world.sign_in("support").get(list_of("codes_attempt"), {"q": f" {term} "}))

    assert page_of(referred if by == "reference" else world.redemption) in page
    assert page_of(world.refusal) not in page


def test_lists_filter_by_outcome_reason_door_time_batch_code_and_claimant(world: World):
    browser = world.sign_in("support")
    everything = set(Attempt.objects.values_list("pk", flat=True))

    def listed(**query: object) -> set[object]:
        page = text_of(browser.get(list_of("codes_attempt"), query))
        return {attempt.pk for attempt in Attempt.objects.all() if page_of(attempt) in page}

    assert listed() == everything
    assert listed(outcome__exact="refused") == {world.refusal.pk}
    assert listed(reason="code_used_up") == {world.refusal.pk}
    assert listed(door="api") == set()
    assert listed(when="hour") == everything
    assert len(listed(batch=world.batch.pk)) == len(listed(code=world.money.pk)) == 2
    assert listed(claimant=world.claimant.pk) == everything
    assert listed(outcome__exact="refused", reason="code_expired") == set()
    for nonsense in ({"when": "eternity"}, {"outcome__exact": "maybe"}, {"claimant": "x"}):
        assert listed(**nonsense) <= everything


def test_reversing_takes_the_value_back_and_says_so(world: World):
    before = balance(cash(world))
    answer = world.sign_in("operator").post(
        page_of(world.redemption, "reverse"), {"reason": "wrong person"}, follow=True
    )

    reversal = Reversal.objects.get(attempt=world.redemption)
    assert balance(cash(world)) == before - 500
    assert (reversal.reason, reversal.give_use_back) == ("wrong person", False)
    assert reversal.actor_id == world.staff["operator"].claimant_id
    page = text_of(answer)
    assert "was reversed" in page
    assert page_of(world.redemption, "reverse") not in page
    assert page_of(reversal) in page


def test_giving_the_use_back_makes_the_code_usable_again(world: World):
    uses = Code.objects.get(pk=world.money.pk).uses
    world.sign_in("operator").post(page_of(world.redemption, "reverse"), {"reason": "oops", "give_use_back": "on"})

    assert Code.objects.get(pk=world.money.pk).uses == uses - 1
    assert Reversal.objects.get(attempt=world.redemption).give_use_back


def test_money_already_spent_is_said_in_words_and_nothing_changes(world: World):
    moving.spend(cash(world), balance(cash(world)), comment="coffee", actor_id="system")
    answer = world.sign_in("operator").post(page_of(world.redemption, "reverse"), {"reason": "late"})

    assert "The money has been spent" in text_of(answer)
    assert 'value="late"' in text_of(answer)
    assert not Reversal.objects.filter(attempt=world.redemption).exists()


def test_reversing_twice_is_once(world: World):
    browser = world.sign_in("operator")
    form = {"reason": "twice", "once": "6f1c3f6e-1b0a-4a52-9a50-4f0d3c1b7a13"}
    before = balance(cash(world))
    browser.post(page_of(world.redemption, "reverse"), form)
    answer = browser.post(page_of(world.redemption, "reverse"), form, follow=True)

    assert "is not possible any more" in text_of(answer)
    assert balance(cash(world)) == before - 500


@pytest.mark.parametrize("form", [{}, {"reason": ""}, {"reason": "x" * 201}])
def test_a_reversal_needs_a_reason(world: World, form: dict):
    world.sign_in("operator").post(page_of(world.redemption, "reverse"), form)

    assert not Reversal.objects.filter(attempt=world.redemption).exists()


def test_a_refusal_offers_no_reversal(world: World):
    browser = world.sign_in("operator")

    assert page_of(world.refusal, "reverse") not in text_of(browser.get(page_of(world.refusal)))
    browser.post(page_of(world.refusal, "reverse"), {"reason": "why not"})
    assert Reversal.objects.count() == 1


def test_checks_of_a_shape_nobody_expected_are_shown_all_the_same():
    from codes.admin.words import check_rows, reason_said

    [row] = check_rows([{"step": 99, "check": "moon_phase", "passed": False, "seen": {"phase": None}}])

    assert (row["step"], row["check"], row["seen"]) == (99, "Moon phase", [("phase", "–")])
    assert check_rows(None) == []
    assert reason_said("moon_too_bright") == "Moon too bright"
