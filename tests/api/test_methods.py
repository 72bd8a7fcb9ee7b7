"""Methods and addresses that a route does not take: no redirect, no page, always the route's own form."""

import pytest

from tests.api.doors import REDEMPTIONS, VALIDATIONS, Door

ALLOWED = {
    REDEMPTIONS: {"GET", "HEAD", "POST"},
    VALIDATIONS: {"POST"},
    f"{REDEMPTIONS}/00000000-0000-0000-0000-000000000007": {"GET", "HEAD"},
    f"{REDEMPTIONS}/00000000-0000-0000-0000-000000000007/reversal": {"POST"},
    "/api/v1/batches": {"GET", "HEAD", "POST"},
    "/api/v1/batches/1": {"GET", "HEAD", "PATCH", "DELETE"},
    "/api/v1/batches/1/edits": {"POST"},
    "/api/v1/edits/1": {"GET", "HEAD"},
    "/api/v1/edits/1/cancellation": {"POST"},
    "/api/v1/batches/1/export": {"GET"},
    "/api/v1/imports": {"POST"},
    "/api/v1/imports/1": {"GET", "HEAD", "DELETE"},
    "/api/v1/imports/1/problems": {"GET", "HEAD"},
    "/api/v1/imports/1/confirmation": {"POST"},
    "/api/v1/batches/1/codes": {"POST"},
    "/api/v1/articles": {"GET", "HEAD", "POST"},
    "/api/v1/item-statuses": {"GET", "HEAD"},
    "/api/v1/shop-orders": {"GET", "HEAD", "POST"},
    "/api/v1/shop-orders/1": {"GET", "HEAD"},
    "/api/v1/shop-orders/1/items/1": {"GET", "HEAD"},
    "/api/v1/shop-orders/1/items/1/status": {"POST"},
    "/api/v1/orders/1": {"GET", "HEAD"},
    "/api/v1/orders/1/cancellation": {"POST"},
    "/api/v1/batches/1/assignments": {"POST"},
    "/api/v1/claimants/u-1001/codes": {"GET"},
    "/api/v1/reservations": {"POST"},
    "/api/v1/reservations/00000000-0000-0000-0000-000000000007": {"GET", "HEAD"},
    "/api/v1/reservations/00000000-0000-0000-0000-000000000007/confirm": {"POST"},
    "/api/v1/reservations/00000000-0000-0000-0000-000000000007/release": {"POST"},
    "/api/v1/codes": {"GET", "HEAD"},
    "/api/v1/codes/1": {"GET", "HEAD", "PATCH"},
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")


@pytest.mark.parametrize("path", ALLOWED)
@pytest.mark.parametrize("slash", ["", "/"])
def test_another_method_is_405_and_names_those_that_are_taken(program: Door, path: str, slash: str):
    for method in METHODS:
        if method in ALLOWED[path]:
            continue
        response = program.send(method, path + slash, {})

        assert response.status_code == 405
        assert set(response.headers["Allow"].split(", ")) == ALLOWED[path]
        body = response.json()
        if path in (REDEMPTIONS, VALIDATIONS):
            assert (body["status"], body["reason"], body["step"]) == ("failed", "method_not_allowed", 1)
            assert body["next_steps"] == ["fix_request"]
        else:
            assert (body["code"], body["status"]) == ("method_not_allowed", 405)


@pytest.mark.parametrize("path", ["/api/", "/api/v1/", "/api/v1/nothing", "/api/v2/redemptions", "/api/v1/codes/-1"])
def test_an_unknown_address_is_a_problem_and_no_page(program: Door, path: str):
    response = program.get(path)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert response.headers["Content-Type"] == "application/problem+json"


def test_a_slash_at_the_end_is_never_answered_by_a_redirect(program: Door):
    body = {"code": "ABC-E6W5F", "claimant_id": "u-1001"}

    assert program.post(f"{REDEMPTIONS}/", body).status_code == 201
    assert program.post(f"{VALIDATIONS}/", body).status_code == 200


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "nonsense", ""])
def test_the_answer_is_json_whatever_is_accepted(program: Door, accept: str):
    response = program.get("/api/v1/batches?page_size=1", headers={"Accept": accept})

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"


def test_head_has_no_body(program: Door):
    response = program.send("HEAD", "/api/v1/batches")

    assert (response.status_code, response.content) == (200, b"")
