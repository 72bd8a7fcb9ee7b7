"""POST /oauth/token: who gets a token, what it is worth and for how long."""

import base64
from urllib.parse import urlencode

import pytest

from accounts import access_tokens, client_keys
from accounts.models import AccessToken, Client
from redemption_site.edge.basic import remembered_pairs
from tests.codes.conftest import NOON, StoppedClock
from tests.factories import PASSWORD, make_client, make_staff
from tests.protocols.loyalty.conftest import Programme, make_programme, make_till
from tests.protocols.loyalty.tills import FORM, JSON, S1, TOKEN, Till, error, found, told

INVALID_CLIENT = (401, b'{"error":"invalid_client"}')
INVALID_REQUEST = (400, b'{"error":"invalid_request"}')
UNSUPPORTED = (400, b'{"error":"unsupported_grant_type"}')
NO_ACCESS = error("Access token is missing or invalid", "UNAUTHORIZED", 401)
UNKNOWN = error("Session correlation ID does not exist--create it first")


def basic(name: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


def pair(till: Till) -> tuple[str, str]:
    assert till.key is not None
    prefix, _, secret = till.key.key.partition(".")
    return prefix, secret


def is_admitted(till: Till) -> bool:
    answer = told(till.end("nobodys"))
    assert answer in (UNKNOWN, NO_ACCESS)
    return answer == UNKNOWN


@pytest.fixture
def till(bare: Programme) -> Till:
    return bare.till


def test_a_pair_in_the_form_gets_a_token(till: Till):
    response = till.ask_token()

    token = found(response)["access_token"]
    assert response.content == b'{"access_token":"%s","token_type":"Bearer","expires_in":3600}' % token.encode()
    assert response.headers["Pragma"] == "no-cache"
    assert len(token) == 43
    till.token = token
    assert is_admitted(till)
    assert token.encode() not in b"".join(bytes(each.digest) for each in AccessToken.objects.all())


def test_a_pair_in_the_header_gets_one_too(till: Till):
    till.token = None
    body = b"grant_type=client_credentials"
    assert till.send("POST", TOKEN, body, FORM, basic(*pair(till))).status_code == 200
    with_id = body + b"&client_id=" + pair(till)[0].encode() + b"&scope=points&x=y"
    assert till.send("POST", f"{TOKEN}/", with_id, FORM, basic(*pair(till))).status_code == 200


def test_each_token_is_another_and_the_earlier_ones_live_on(till: Till):
    first = till.token
    second = till.signed_in().token
    assert first != second
    assert all(is_admitted(Till(token=token)) for token in (first, second))


@pytest.mark.parametrize(
    "changed",
    [
        {"client_secret": "x"},
        {"client_secret": ""},
        {"client_id": ""},
        {"client_id": "rk000000000000"},
        {"client_id": "nobody"},
        {"client_id": "rk\n"},
        {"client_secret": "x" * 10_000},
        {"client_secret": "😀"},
    ],
)
def test_a_pair_that_is_wrong(till: Till, changed: dict[str, str]):
    response = till.ask_token(**changed)
    assert told(response) == INVALID_CLIENT
    assert response.headers["WWW-Authenticate"] == 'Basic realm="loyalty"'


@pytest.mark.parametrize(
    "header",
    ["", "Basic", "Basic !!!", "Basic eDp5", "Bearer x", "Basic " + base64.b64encode(b"a").decode(), "x" * 5_000],
)
def test_a_header_that_is_wrong(till: Till, header: str):
    response = Till().send("POST", TOKEN, b"grant_type=client_credentials", FORM, {"Authorization": header})
    assert told(response) == INVALID_CLIENT


def test_a_login_of_staff_is_no_client_s(bare: Programme):
    make_staff(bare.site, email="boss@example.test")
    body = b"grant_type=client_credentials"
    answer = told(Till().send("POST", TOKEN, body, FORM, basic("boss@example.test", PASSWORD)))
    assert answer == INVALID_CLIENT


def test_a_client_without_the_scope(bare: Programme):
    other = Till(make_client(bare.site, ["redeem", "read", "cash"]))
    assert told(other.ask_token()) == INVALID_CLIENT


def test_guessing_is_slowed_down(till: Till):
    answers = [till.ask_token(client_secret="x" * 43) for _ in range(120)]
    assert {told(each) for each in answers} == {INVALID_CLIENT}
    assert "Retry-After" in answers[-1].headers
    assert "Retry-After" not in answers[0].headers


@pytest.mark.parametrize("grant", ["password", "authorization_code", "CLIENT_CREDENTIALS", "client_credentials "])
def test_another_grant(till: Till, grant: str):
    assert told(till.ask_token(grant_type=grant)) == UNSUPPORTED
    assert told(Till().send("POST", TOKEN, urlencode({"grant_type": grant}).encode(), FORM)) == UNSUPPORTED


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", FORM),
        (b"grant_type=", FORM),
        (b"client_id=x&client_secret=y", FORM),
        (b"grant_type=client_credentials&grant_type=client_credentials", FORM),
        (b"grant_type=client_credentials&client_id=%00&client_secret=y", FORM),
        (b"grant_type=client_credentials&client_id=%FF&client_secret=y", FORM),
        (b"&" * 2_000, FORM),
        (b"a" * 20_000, FORM),
        (b"grant_type=client_credentials", None),
        (b"grant_type=client_credentials", f"{FORM}; charset=utf-16"),
        (b"grant_type=client_credentials", "multipart/form-data; boundary=x"),
        (b'{"grant_type":"client_credentials"}', JSON),
    ],
)
def test_a_request_that_is_none(till: Till, body: bytes, content_type: str | None):
    assert told(Till().send("POST", TOKEN, body, content_type)) == INVALID_REQUEST


def test_a_pair_in_both_places_is_no_request(till: Till):
    prefix, secret = pair(till)
    for more in (f"&client_id={prefix}&client_secret={secret}", "&client_secret=x", "&client_id=rk000000000000"):
        body = b"grant_type=client_credentials" + more.encode()
        assert told(Till().send("POST", TOKEN, body, FORM, basic(prefix, secret))) == INVALID_REQUEST


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods(till: Till, method: str):
    response = till.send(method, TOKEN, b"grant_type=client_credentials", FORM)
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")


def test_an_hour(till: Till, stopped_clock: StoppedClock):
    stopped_clock.advance(minutes=59, seconds=59)
    assert is_admitted(till)
    stopped_clock.advance(seconds=1)
    access_tokens.remembered.clear()  # As five seconds would.
    assert not is_admitted(till)


def test_a_token_ends_with_its_client_and_with_its_scope(bare: Programme):
    revoked, expired, without = make_till(bare.site), make_till(bare.site), make_till(bare.site)
    for each in (revoked, expired, without):
        assert is_admitted(each)
    client_keys.revoke(revoked.key.client, actor_id="system")
    Client.objects.filter(pk=expired.key.client.pk).update(expires_at=NOON)
    Client.objects.filter(pk=without.key.client.pk).update(scopes=["redeem"])
    access_tokens.remembered.clear()
    for each in (revoked, expired, without):
        assert not is_admitted(each)
    # A pair that was right a moment ago gets a token, which is as dead as its client.
    assert not is_admitted(revoked.signed_in())
    remembered_pairs.clear()
    assert told(revoked.ask_token()) == INVALID_CLIENT
    assert told(expired.ask_token()) == INVALID_CLIENT


@pytest.mark.parametrize(
    "header",
    [
        *(
            "",
            "Bearer",
            "Bearer ",
            "Bearer x",
            "Basic eDp5",
            "Token {token}",
            "{token}",
            "Bearer {token}x",
            "bearer{token}",
        ),
        *(
            "Bearer {key}",
            "Bearer {token} {token}",
            "Bearer " + "A" * 43,
            "Bearer " + "é" * 43,
            "Bearer " + "x" * 9_000,
        ),
    ],
)
def test_what_is_no_token(till: Till, header: str):
    given = header.format(token=till.token, key=till.key.key)
    response = Till().send("DELETE", f"/client/users/{S1}/sessions", headers={"Authorization": given})
    assert told(response) == NO_ACCESS
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="loyalty"'


@pytest.mark.parametrize("header", ["Bearer {token}", "bearer {token}", "BEARER   {token}  "])
def test_what_is_one(till: Till, header: str):
    response = Till().send(
        "DELETE", f"/client/users/{S1}/sessions", headers={"Authorization": header.format(token=till.token)}
    )
    assert told(response) == UNKNOWN


def test_a_token_is_good_on_these_addresses_alone(till: Till):
    for path in ("/api/v1/batches", "/api/v1/redemptions"):
        headers = {"Authorization": f"Bearer {till.token}", "Host": "localhost"}
        assert till.browser.get(path, headers=headers).status_code in (401, 405)
        assert till.browser.post(path, b"{}", JSON, headers=headers).status_code == 401


def test_the_host_makes_no_difference(till: Till):
    other = make_programme()
    assert is_admitted(Till(token=till.token, host=other.site.domain))
