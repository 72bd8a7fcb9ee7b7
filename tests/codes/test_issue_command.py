"""manage.py issue_codes: the command's door to issuing."""

import re

import pytest
from django.core.management import CommandError, call_command

from codes import issuing, jobs, lookup
from codes.models import Batch, Code, IssueOrder, Terms
from tests.codes.redeeming import spread
from tests.factories import make_asset, make_batch, make_site

pytestmark = pytest.mark.django_db


def issue(capsys, *words):
    call_command("issue_codes", *words)
    return capsys.readouterr()


@pytest.fixture
def site():
    return make_site(slug="shop", time_zone="Europe/Berlin")


def test_it_issues_and_says_so(site, capsys):
    make_asset()

    said = issue(capsys, "shop", "Summer", "7", "--value", "12.50", "--asset", "EUR", "--uses", "2")

    batch = Batch.objects.get()
    assert said.out.strip() == f"Batch {batch.pk}: 7 codes issued."
    assert batch.codes.count() == 7
    assert spread(batch) == (17_500, 17_500, 0, 0, 0)


def test_it_shows_a_bar_that_fills(site, capsys, monkeypatch):
    make_asset()
    monkeypatch.setattr(issuing, "CHUNK", 5)

    said = issue(capsys, "shop", "Summer", "20", "--value", "1", "--asset", "EUR")

    bars = re.findall(r"\[(█*)(░*)\] +(\d+) of 20", said.err)
    assert [(len(full), len(empty), int(done)) for full, empty, done in bars] == [
        (10, 30, 5),
        (20, 20, 10),
        (30, 10, 15),
        (40, 0, 20),
    ]


def test_it_takes_every_kind_of_code(site, capsys):
    issue(capsys, "shop", "tags", "1", "--action", "add_tags", "--tag", "vip", "--tag", "early")
    issue(capsys, "shop", "coffee", "1", "--action", "fulfilment", "--item", "a coffee", "--format", "hex")
    issue(
        *(capsys, "shop", "words", "1", "--action", "fulfilment", "--item", "tea"),
        *("--format", "pattern", "--pattern", "TEA-########"),
    )

    assert list(Terms.objects.order_by("id").values_list("parameters", flat=True)) == [
        {"tags": ["vip", "early"]},
        {"item": "a coffee"},
        {"item": "tea"},
    ]
    assert re.fullmatch(r"TEA-\w{8}", lookup.shown(Code.objects.latest("id")))


def test_days_are_read_in_the_sites_time_zone_unless_another_is_named(site, capsys):
    words = ("--action", "fulfilment", "--item", "tea", "--valid-from", "2026-06-01", "--valid-until", "2026-06-30")

    issue(capsys, "shop", "one", "1", *words)
    issue(capsys, "shop", "two", "1", *words, "--time-zone", "UTC")

    one, two = Terms.objects.order_by("id")
    assert one.valid_from.isoformat() == "2026-05-31T22:00:00+00:00"
    assert two.valid_until.isoformat() == "2026-07-01T00:00:00+00:00"


def test_more_codes_join_a_batch(site, capsys):
    batch = make_batch(site, count=2, name="Summer")

    issue(capsys, "shop", "Summer", "3", "--more")

    assert batch.codes.count() == 5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere", "Summer", "1"), "no site 'nowhere'"),
        (("shop", "Autumn", "1", "--more"), "no batch 'Autumn'"),
        (("shop", "Summer", "0", "--value", "1", "--asset", "EUR"), "count: Give a whole number from 1 to 10,000,000."),
        (("shop", "Summer", "9" * 40, "--value", "1", "--asset", "EUR"), "count: Give a whole number"),
        (("shop", "Taken", "1", "--value", "1", "--asset", "EUR"), "name: There is a batch of this name already."),
        (("shop", "Summer", "1", "--value", "1.234", "--asset", "EUR"), "value: EUR has 2 decimal places at most."),
        (("shop", "Summer", "1", "--value", "1e3", "--asset", "EUR"), "value: Write an amount in digits"),
        (("shop", "Summer", "1", "--value", "-1", "--asset", "EUR"), "value: Write an amount in digits"),
        (("shop", "Summer", "1", "--value", "0", "--asset", "EUR"), "value:"),
        (("shop", "Summer", "1", "--value", "1", "--asset", "XXX"), "asset: This asset is not known."),
        (("shop", "Summer", "1", "--value", "5"), "value:"),
        (("shop", "Summer", "1", "--action", "levitate"), "action: Choose one of"),
        (("shop", "Summer", "1", "--action", "fulfilment"), "parameters:"),
        (("shop", "Summer", "1", "--value", "1", "--asset", "EUR", "--uses", "0"), "uses:"),
        (("shop", "Summer", "1", "--value", "1", "--asset", "EUR", "--pattern", "X####"), "pattern:"),
        (("shop", "Summer", "1", "--format", "roman"), "invalid choice: 'roman'"),
        (("shop", "Summer", "one"), "invalid int value: 'one'"),
        (("shop", "Summer", "1", "--valid-from", "2026-02-30"), "valid-from"),
        (
            (
                "shop",
                "S",
                "1",
                "--value",
                "1",
                "--asset",
                "EUR",
                "--valid-from",
                "2026-06-02",
                "--valid-until",
                "2026-06-01",
            ),
            "valid_until: The last day lies before the first.",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_issued(site, words, said):
    make_asset()
    make_batch(site, count=1, name="Taken")

    with pytest.raises(CommandError) as refused:
        call_command("issue_codes", *words)

    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert Batch.objects.count() == Code.objects.count() == 1


def test_an_order_that_somebody_else_works_on_is_not_called_done(site, monkeypatch):
    make_asset()
    claim = jobs.claim

    def claimed_before(model, order_id):
        claim(model, order_id)
        return claim(model, order_id)

    monkeypatch.setattr(jobs, "claim", claimed_before)

    with pytest.raises(CommandError, match="0 of 3"):
        call_command("issue_codes", "shop", "Summer", "3", "--value", "1", "--asset", "EUR")

    assert IssueOrder.objects.get().state == IssueOrder.State.RUNNING
