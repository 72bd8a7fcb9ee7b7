"""``manage.py edit_batch``: says what would happen, and does it only when told to."""

import pytest
from django.core.management import CommandError, call_command

from codes.models import Batch, BatchEdit
from tests.codes.redeeming import assert_sound, spread
from tests.factories import make_batch, make_site

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch():
    return make_batch(make_site(slug="shop"), count=4, uses=2, name="four")


def run(*arguments, reason="a test"):
    call_command("edit_batch", "shop", "four", *arguments, "--reason", reason)


def test_without_yes_it_only_says_what_would_happen(batch, capsys):
    run("uses", "--max-uses", "1")

    told = capsys.readouterr().out
    assert "4 of 4 codes change; of these are handed out: 0, used: 0." in told
    assert "voiding: 20.00 EUR" in told
    assert "Nothing was changed." in told
    assert not BatchEdit.objects.exists()


def test_with_yes_it_is_done(batch, capsys):
    run("uses", "--max-uses", "3", "--yes")
    run("extend", "--valid-until", "2031-01-01T00:00:00+01:00", "--valid-from", "none", "--yes")
    run("disable", "--yes")

    assert "Edit" in capsys.readouterr().out
    assert spread(batch) == (6_000, 6_000, 0, 0, 0)
    assert set(batch.codes.values_list("state", "max_uses")) == {("disabled", 3)}
    assert batch.codes.first().valid_until.isoformat() == "2030-12-31T23:00:00+00:00"
    assert_sound()


def test_a_batch_is_deleted(batch, capsys):
    run("delete", "--yes")
    assert Batch.objects.get().state == "archived"
    with pytest.raises(CommandError, match="was not deleted"):
        run("delete", "--yes")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("uses",), "max_uses: Give a whole number"),
        (("extend", "--valid-until", "tomorrow"), "no instant"),
        (("extend", "--valid-until", "2031-01-01T00:00:00"), "no instant"),
        (("extend", "--valid-until", "2031-13-01T00:00:00Z"), "no instant"),
        (("disable", "--max-uses", "2"), "does not take it"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(batch, arguments, said):
    with pytest.raises(CommandError, match=said):
        run(*arguments, "--yes")
    assert not BatchEdit.objects.exists()


@pytest.mark.parametrize("names", [("shop", "five"), ("nowhere", "four")])
def test_an_unknown_site_or_batch(batch, names):
    with pytest.raises(CommandError, match="There is no"):
        call_command("edit_batch", *names, "disable", "--reason", "x")
