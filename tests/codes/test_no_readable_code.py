"""Whoever gets hold of the database gets no code and nothing that anybody typed."""

import base64
from pathlib import Path

import pytest
from django.db import connection

from codes import importing, lookup, revealing, reversing, switching
from codes.models import Attempt, Code
from codes.redemption import engine, writes
from tests.codes.files import check, import_codes, receive
from tests.codes.redeeming import ask, reason_of, redeem
from tests.factories import caller_of, make_batch, make_claimant, make_client, make_code, make_site

TYPED = ["Typed-Wrongly-42", "***typed+unreadable***", "NOPE NOPE 4242", "typed-far-too-long" * 10]


def live_through(site):
    """Do with codes all that can be done; answers every text that must not be readable afterwards."""
    claimant, till = make_claimant(site), make_client(site)
    batches = [
        make_batch(site, count=4),
        make_batch(site, count=2, format="hex"),
        make_batch(site, count=2, format="prepaid"),
        make_batch(site, count=1, format="pattern", pattern="SPRING-########"),
        make_batch(site, count=1, worth_cents=0),
        make_batch(site, count=1, worth_cents=0, action="fulfilment", parameters={"item": "a coffee"}),
        make_code(site, "Gift-Of-Oil.77", uses=3).batch,
    ]
    codes = list(Code.objects.filter(site=site).order_by("id"))
    shown = [lookup.shown(code) for code in codes]
    for number, text in enumerate(shown[2:]):
        assert (
            reason_of(redeem(till, text.lower(), claimant, idempotency_key=f"k{number}", reference="R-1")) == "redeemed"
        )
    for text in [*TYPED, *shown[2:]]:
        assert redeem(till, text, claimant, idempotency_key=f"again {len(text)}".replace(" ", "-")).refusal
    engine.validate_codes([ask(claimant, shown[0]), ask(claimant, TYPED[2])])
    redeemed = Attempt.objects.filter(site=site, outcome="redeemed").order_by("id")
    for attempt in redeemed[:3]:
        reversing.reverse(reversing.ReverseRedemption(caller_of(till), attempt.pk, "a mistake", give_use_back=True))
    imported = import_codes_too(site)
    switching.change_code(codes[0], actor_id="boss", max_uses=4, reason="more")
    switching.switch_code(codes[1], False, actor_id="boss", reason="lost")
    switching.switch_batch(batches[1], False, actor_id="boss", reason="lost")
    assert revealing.reveal(codes[0], actor_id="boss", reason="the customer asks") == shown[0]
    return [*shown, *TYPED, *imported]


def import_codes_too(site):
    """A file that becomes codes, one that waits, one that nobody has checked yet and one that is discarded."""
    texts = [f"Imported-{word}-4711" for word in ("Gone", "Good", "Waits", "Unread", "Thrown")]
    make_code(site, texts[0])
    import_codes(site, f"code,uses\n{texts[0]}\n{texts[1]},1\n{texts[1]},2\n{texts[2]},none\n+{texts[3]},1\n")
    check(site, f"{texts[2]}\n{texts[2]}\n")
    receive(site, f'note,code\n"{texts[3]}",{texts[3]}\n', file_name="old.csv")
    importing.discard_import(receive(site, texts[4]), actor_id="boss")
    return texts


def spellings(text):
    """The byte strings that would betray a text: as it is, folded, and in the usual wrappings."""
    forms = {
        text,
        text.lower(),
        text.upper(),
        text.replace("-", ""),
        text.replace("-", "").lower(),
        text[:-2],
        text[4:],
    }
    try:
        forms.add(lookup.canonical(text))
    except lookup.CodeFormatInvalid:
        forms.discard("")
    raw = {form.encode() for form in forms}
    return raw | {each.hex().encode() for each in raw} | {base64.b64encode(each).rstrip(b"=") for each in raw}


def stored():
    """Every value of every column of every table, as bytes."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                for value in row:
                    yield bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


@pytest.mark.django_db
def test_no_table_has_a_code_or_what_was_typed_in_any_spelling():
    secrets = live_through(make_site())

    heap = b"\n".join(stored())

    assert len(heap) > 20_000
    assert b"a mistake" in heap
    betrayed = [text for text in secrets for form in spellings(text) if form in heap]
    assert betrayed == []


def test_the_database_file_has_none_either(committed_db):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL's files are not ours to read; every table is searched above.")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous = OFF")  # Nothing here outlives a power cut, and commits are quicker so.
    secrets = live_through(make_site())
    connection.close()

    heap = Path(committed_db.name).read_bytes()

    assert b"a mistake" in heap
    assert [text for text in secrets for form in spellings(text) if form in heap] == []


@pytest.mark.django_db
def test_an_attempt_that_failed_to_be_carried_out_hides_the_code_too(monkeypatch):
    claimant = make_claimant()
    make_code(claimant.site, "ABC-E6W5F")

    def fail(*_):
        raise RuntimeError("abc e6w5f")

    monkeypatch.setattr(writes, "use_codes", fail)
    assert reason_of(redeem(claimant, "abc-e6w5f")) == "concurrent_change"

    heap = b"\n".join(stored())
    assert [form for form in spellings("ABC-E6W5F") if form in heap] == []


@pytest.mark.django_db
def test_the_log_of_a_lost_redemption_names_the_attempt_and_never_the_code(monkeypatch, caplog):
    claimant = make_claimant()
    make_code(claimant.site, "ABC-E6W5F")

    def fail(*_):
        raise RuntimeError("out of paper")

    monkeypatch.setattr(writes, "use_codes", fail)
    outcome = redeem(claimant, "abc-e6w5f")

    record = next(record for record in caplog.records if record.message == "redemption rolled back")
    assert record.attempts == [str(outcome.attempt.pk)]
    assert "e6w5f" not in caplog.text.lower()
