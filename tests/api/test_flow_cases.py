"""The acceptance cases of the redemption flow, section 8, through the URL. Case 22 is in tests/races."""

import datetime as dt
import json
import re

import pytest
from django.core import mail
from django.db import DataError

from accounts import clock
from codes.actions.registry import ACTIONS
from codes.mailing import send_due_mails
from codes.models import Attempt, CodeHold, ReceiptMail
from codes.redemption import writes
from ledger.models import LedgerAccount
from tests.api.conftest import Tenant
from tests.api.doors import REDEMPTIONS, Door, signed_in, stranger, till
from tests.factories import make_client, make_hold

SECOND = dt.timedelta(seconds=1)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def assert_refused(response, status: int, reason: str, step: int, **others) -> dict:
    """The flow's failure, whole: nothing is in it that the flow does not list."""
    body = response.json()
    assert (response.status_code, body["reason"], body["step"]) == (status, reason, step), body
    assert body["status"] == "failed"
    assert UUID.fullmatch(body["transaction_id"])
    listed = {"status", "transaction_id", "reason", "message", "step", "step_name", "retryable", "next_steps"}
    assert set(body) <= listed | {"receipt_id"}
    assert set(body) >= listed
    for name, value in others.items():
        assert body[name] == value
    return body


def test_case_01_a_valid_code_is_redeemed_and_pays(tenant: Tenant, anna: Door):
    before = clock.read().replace(microsecond=0)

    response = anna.post(REDEMPTIONS, b'{"code":"ABC-E6W5F","claimant_id":"u-1001"}')

    attempt = Attempt.objects.get(site=tenant.site)
    assert response.status_code == 201
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert "Idempotent-Replayed" not in response.headers
    body = response.json()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", body["receipt"]["redeemed_at"])
    # Byte for byte what the flow's section 5 shows, in its order.
    expected = {
        "status": "redeemed",
        "transaction_id": str(attempt.id),
        "receipt": {
            "receipt_id": attempt.receipt_id,
            "code": "ABC-E6W5F",
            "claimant_id": "u-1001",
            "actor_id": "u-1001",
            "redeemed_at": f"{attempt.decided_at:%Y-%m-%dT%H:%M:%SZ}",
            "action": "credit",
            "result": {"amount": "25.00", "currency": "EUR", "balance_after": "25.00"},
            "uses_left": 0,
            "reference": None,
        },
    }
    assert response.content == json.dumps(expected, separators=(",", ":")).encode()
    assert tenant.balance() == 2500
    code = tenant.code()
    assert code.last_redeemed_at >= before
    assert code.last_actor_id == "u-1001"
    assert attempt.outcome == "redeemed"


def test_case_02_sent_again_without_a_key_it_is_used_up_and_names_the_receipt(tenant: Tenant, anna: Door):
    receipt_id = anna.redeem().json()["receipt"]["receipt_id"]

    assert_refused(anna.redeem(), 409, "code_used_up", 4, receipt_id=receipt_id, retryable=False)

    assert tenant.balance() == 2500


def test_case_03_another_claimant_hears_no_receipt(tenant: Tenant, anna: Door, bert: Door):
    anna.redeem()

    body = assert_refused(bert.redeem(claimant_id="u-2002"), 409, "code_used_up", 4)

    assert "receipt_id" not in body
    assert tenant.balance("u-2002") == 0


def test_case_04_the_same_key_twice_is_one_redemption(tenant: Tenant, anna: Door):
    first, second = anna.redeem(key="k1"), anna.redeem(key="k1")

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert tenant.credits() == 1
    assert tenant.balance() == 2500


def test_case_05_the_same_key_with_another_code_is_a_mismatch(tenant: Tenant, anna: Door):
    anna.redeem(key="k1")

    assert_refused(anna.redeem("MULTI-0001", key="k1"), 422, "idempotency_mismatch", 1, next_steps=["use_new_key"])

    assert tenant.credits() == 1


@pytest.mark.parametrize(
    "typed", [" abc e6w5f ", "abc-e6w5f", "ＡＢＣ－Ｅ６Ｗ５Ｆ", "ABC\u2011E6W5F\r\n", "\u200bABCE6W5F"]
)
def test_case_06_any_spelling_finds_it_and_the_receipt_shows_its_own(tenant: Tenant, anna: Door, typed: str):
    response = anna.redeem(typed)

    assert response.status_code == 201
    assert response.json()["receipt"]["code"] == "ABC-E6W5F"


def test_case_07_a_form_post_gets_the_same_json(tenant: Tenant, anna: Door):
    response = anna.post(
        REDEMPTIONS, b"code=ABC-E6W5F&claimant_id=u-1001", content_type="application/x-www-form-urlencoded"
    )

    assert response.status_code == 201
    assert response.headers["Content-Type"] == "application/json"
    assert response.json()["receipt"]["result"]["amount"] == "25.00"


def test_case_07_a_multipart_form_with_the_csrf_token_as_a_field(tenant: Tenant):
    door = signed_in(tenant.claimants["u-1001"])
    token = door.headers.pop("X-CSRFToken")
    parts = {"code": "ABC-E6W5F", "claimant_id": "u-1001", "csrfmiddlewaretoken": token}
    body = "".join(
        f'--frontier\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parts.items()
    )

    response = door.post(
        REDEMPTIONS, f"{body}--frontier--\r\n".encode(), content_type="multipart/form-data; boundary=frontier"
    )

    assert response.status_code == 201


@pytest.mark.parametrize("given", [{}, {"code": None}, {"code": ""}, {"code": " \t"}])
def test_case_08_without_a_code(tenant: Tenant, anna: Door, given: dict):
    response = anna.post(REDEMPTIONS, {**given, "claimant_id": "u-1001"})

    assert_refused(response, 400, "missing_code", 2, next_steps=["enter_code"], message="Enter a code.")


@pytest.mark.parametrize("given", [{}, {"claimant_id": None}, {"claimant_id": ""}, {"claimant_id": "  "}])
def test_case_09_without_a_claimant(tenant: Tenant, anna: Door, given: dict):
    assert_refused(anna.post(REDEMPTIONS, {**given, "code": "ABC-E6W5F"}), 400, "missing_claimant", 2)


@pytest.mark.parametrize("typed", ["***", "AB1", "ABC-E6W5F!", "A" * 65, "ſABC", "жабв"])
def test_case_10_what_cannot_be_a_code(tenant: Tenant, anna: Door, typed: str):
    assert_refused(anna.redeem(typed), 400, "code_format_invalid", 2)


@pytest.mark.parametrize("body", [b'{"code":12345,"claimant_id":"u-1001"}', b'{"code":"ABC-E6W5F","claimant_id":1001}'])
def test_case_11_a_number_has_lost_its_zeros_and_is_refused(tenant: Tenant, anna: Door, body: bytes):
    assert_refused(anna.post(REDEMPTIONS, body), 400, "request_malformed", 1)

    assert tenant.code().uses == 0


def test_case_12_half_a_body_is_refused_and_leaves_an_attempt(tenant: Tenant, anna: Door):
    body = assert_refused(anna.post(REDEMPTIONS, b'{"code":'), 400, "request_malformed", 1)

    attempt = Attempt.objects.get(pk=body["transaction_id"])
    assert (attempt.outcome, attempt.reason, attempt.actor_id) == ("refused", "request_malformed", "u-1001")


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/jsonx", None])
def test_case_13_another_content_type(tenant: Tenant, anna: Door, content_type: str | None):
    response = anna.post(REDEMPTIONS, b'{"code":"ABC-E6W5F","claimant_id":"u-1001"}', content_type=content_type)

    assert_refused(response, 415, "unsupported_media_type", 1)
    assert not Attempt.objects.exists()


def test_case_14_without_credentials(tenant: Tenant):
    response = stranger().redeem()

    assert_refused(response, 401, "unauthenticated", 1, next_steps=["sign_in"])
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert not Attempt.objects.exists()


def test_case_15_an_unknown_code(tenant: Tenant, anna: Door):
    assert_refused(anna.redeem("NOPE-0001"), 404, "code_not_found", 3)


def test_case_16_the_eleventh_unknown_code_closes_the_window(tenant: Tenant, anna: Door, bert: Door, settings):
    for _ in range(10):
        assert_refused(anna.redeem("NOPE-0001"), 404, "code_not_found", 3)

    eleventh = anna.redeem("NOPE-0001")
    valid = anna.redeem()

    for response in (eleventh, valid):
        assert_refused(response, 429, "too_many_attempts", 1, retryable=True, next_steps=["wait"])
        assert 0 < int(response.headers["Retry-After"]) <= 900
    assert tenant.balance() == 0
    # Nobody else is kept out, and the window ends.
    assert bert.redeem("MULTI-0001", "u-2002").status_code == 201
    settings.CLOCK_OFFSET_SECONDS = 901
    assert anna.redeem().status_code == 201


@pytest.mark.parametrize(
    ("code", "status", "reason", "retryable"),
    [
        ("OLD-0001", 410, "code_expired", False),
        ("OFF-0001", 409, "code_disabled", False),
        ("SOON-0001", 409, "code_not_yet_valid", True),
    ],
)
def test_case_17_expired_switched_off_and_not_yet_valid(
    tenant: Tenant, anna: Door, code: str, status: int, reason: str, retryable: bool
):
    assert_refused(anna.redeem(code), status, reason, 4, retryable=retryable, step_name="verify_status")


def test_case_18_an_inactive_claimant(tenant: Tenant, anna: Door):
    door = till(make_client(tenant.site).key)

    assert_refused(door.redeem(claimant_id="u-3003"), 403, "claimant_inactive", 5)

    assert anna.redeem().status_code == 201


def test_case_19_for_somebody_else(tenant: Tenant, anna: Door):
    assert_refused(anna.redeem(claimant_id="u-2002"), 403, "caller_not_allowed", 5)

    assert tenant.balance("u-2002") == 0


def test_case_20_a_code_that_another_owns(tenant: Tenant, anna: Door, bert: Door):
    assert_refused(anna.redeem("OWN-0001"), 403, "not_entitled", 5)

    assert bert.redeem("OWN-0001", "u-2002").status_code == 201


def test_case_21_several_uses_once_per_claimant(tenant: Tenant, anna: Door, bert: Door):
    first = anna.redeem("MULTI-0001")
    again = anna.redeem("MULTI-0001")
    other = bert.redeem("MULTI-0001", "u-2002")

    assert first.json()["receipt"]["uses_left"] == 2
    assert_refused(
        again,
        409,
        "already_redeemed",
        6,
        receipt_id=first.json()["receipt"]["receipt_id"],
        next_steps=["view_receipt"],
    )
    assert other.json()["receipt"]["uses_left"] == 1


def test_case_23_an_action_that_raises_changes_nothing(tenant: Tenant, anna: Door, monkeypatch: pytest.MonkeyPatch):
    def fail(cases, now):
        raise RuntimeError("the action is broken")

    with monkeypatch.context() as broken:
        broken.setattr(ACTIONS["credit"], "perform", fail)
        assert_refused(anna.redeem(), 502, "action_failed", 8, retryable=True)

    assert tenant.balance() == 0
    assert (tenant.code().uses, tenant.code().state) == (0, "active")
    assert not CodeHold.objects.exists()
    assert Attempt.objects.get().reason == "action_failed"
    assert anna.redeem().status_code == 201


def test_case_24_an_audit_that_cannot_be_written_undoes_all(
    tenant: Tenant, anna: Door, monkeypatch: pytest.MonkeyPatch
):
    def fail(attempts):
        raise DataError("the audit cannot be written")

    with monkeypatch.context() as broken:
        broken.setattr(writes, "insert_attempts", fail)
        response = anna.redeem()

    assert_refused(response, 503, "audit_write_failed", 10, retryable=True)
    assert int(response.headers["Retry-After"]) >= 1
    assert tenant.balance() == 0
    assert tenant.code().uses == 0
    assert tenant.credits() == 0


def test_case_25_a_reservation_left_by_a_killed_process_ends_by_itself(tenant: Tenant, anna: Door, settings):
    left = make_hold(tenant.code(), seconds=300)

    reserved = anna.redeem()
    settings.CLOCK_OFFSET_SECONDS = 300
    redeemed = anna.redeem()

    assert_refused(reserved, 409, "code_reserved", 4, retryable=True, next_steps=["try_again"])
    assert int(reserved.headers["Retry-After"]) >= 1
    assert redeemed.status_code == 201
    left.refresh_from_db()
    assert left.ended_as == "expired"


def test_case_26_a_mail_server_that_is_down_undoes_nothing(tenant: Tenant, anna: Door, settings):
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

    assert anna.redeem().status_code == 201
    send_due_mails()

    assert ReceiptMail.objects.get().state == "due"
    assert tenant.balance() == 2500
    settings.EMAIL_BACKEND = working
    settings.CLOCK_OFFSET_SECONDS = 600
    send_due_mails()
    assert ReceiptMail.objects.get().state == "sent"
    assert [message.to for message in mail.outbox] == [["u-1001@example.test"]]


def test_case_27_a_locked_account(tenant: Tenant, anna: Door):
    LedgerAccount.objects.filter(pk=tenant.account().pk).update(state="closed")

    assert_refused(anna.redeem(), 409, "account_locked", 8)

    assert tenant.code().uses == 0


def test_case_28_unknown_fields_are_ignored(tenant: Tenant, anna: Door):
    response = anna.redeem(balance="1000000", tenant="another", uses=[1, {"deep": None}])

    assert response.status_code == 201
    assert tenant.balance() == 2500
