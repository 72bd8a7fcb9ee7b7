"""Starting sessions: by what, with what, again, and what is said of the member."""

import pytest

from accounts import households, loyalty_settings, members
from accounts.models import LoyaltySession
from tests.codes.conftest import StoppedClock
from tests.factories import make_account, make_user
from tests.protocols.loyalty.conftest import BY_EVERYTHING, M1, Programme, make_programme, make_till
from tests.protocols.loyalty.test_acceptance import S2
from tests.protocols.loyalty.tills import S1, Till, error, found, told

NO_TYPE = error("X-Identifier-Type is not valid")
NO_ID = error("correlationId is mandatory and required to be non-empty", "MISSING_REQUIRED_FIELDS_ERROR")
NOBODY = error("Could not find the account.")
IN_USE = error("correlationId is already in use")
NO_CHANNEL = error("channel must not be empty")
IDENTIFIERS = {
    "EXTERNAL_ID": "crm/77?x=1#y",
    "EMAIL": "one@example.test",
    "PARTNER_LINK_ID": "pärtner 1",
    "PHONE_NUMBER": "+49 151 1",
    "EXTERNAL_AGENT_ID": "../agent",
}


@pytest.fixture
def till(programme: Programme) -> Till:
    """Without a session; M1 is known by everything."""
    given = [(name.lower(), value) for name, value in IDENTIFIERS.items()]
    members.set_identifiers(programme.member(M1), given, actor_id="system")
    return programme.till


@pytest.mark.parametrize(
    ("by", "who"),
    [("ACCOUNT_ID", M1), ("LOYALTY_ID", "6000000001"), *IDENTIFIERS.items(), ("EMAIL", "One@Example.TEST")],
)
def test_by_every_type(till: Till, by: str, who: str):
    assert found(till.start(who, by=by))["accountId"] == M1
    assert LoyaltySession.objects.get().identifier_type == by


@pytest.mark.parametrize("by", BY_EVERYTHING)
def test_a_value_of_another_type_is_nobody_s(till: Till, by: str):
    everything = {"ACCOUNT_ID": M1, "LOYALTY_ID": "6000000001", **IDENTIFIERS}
    for other in everything.keys() - {by}:
        assert told(till.start(everything[other], by=by)) == NOBODY


@pytest.mark.parametrize("by", ["account_id", "Account_Id", " ACCOUNT_ID "])
def test_the_type_is_matched_without_regard_to_case(till: Till, by: str):
    assert found(till.start(M1, by=by))["accountId"] == M1


@pytest.mark.parametrize(
    "by",
    ["", " ", "x", "ACCOUNT-ID", "ACCOUNT_ID,EMAIL", "EMA\u0131L", "\uff25MAIL", "ACCOUNT_ID\x00", "x" * 5_000, "0"],
)
def test_what_is_no_type(till: Till, by: str):
    assert told(till.start(M1, by=by)) == NO_TYPE


def test_a_type_that_the_client_may_not_use(programme: Programme):
    usual = make_till(programme.site, types=["ACCOUNT_ID", "LOYALTY_ID"])
    for by in BY_EVERYTHING[2:]:
        assert told(usual.start("x", by=by)) == NO_TYPE
    assert usual.start(M1).status_code == 200
    assert told(make_till(programme.site, types=["EMAIL"]).start(M1)) == NO_TYPE


def test_the_site_s_own_defaults(programme: Programme, till: Till):
    settings = loyalty_settings.settings_of(programme.site)
    settings.default_identifier_type, settings.default_channel = "LOYALTY_ID", "STORE"
    settings.save()
    assert found(till.start("6000000001"))["channel"] == "STORE"
    assert told(till.start(M1, S2)) == NOBODY


@pytest.mark.parametrize(
    ("who", "answer"),
    [
        ("", NOBODY),
        ("nobody", NOBODY),
        (M1.upper(), NOBODY),
        (f" {M1}", NOBODY),
        ("x" * 255, NOBODY),
        ("x" * 256, error("identifier is too long")),
        ("\x00", NOBODY),
        (f"{M1}\n", NOBODY),
    ],
)
def test_an_identifier_that_fits_nobody(till: Till, who: str, answer: tuple[int, bytes]):
    assert told(till.start(who)) == answer
    assert not LoyaltySession.objects.exists()


def test_an_identifier_that_fits_two_members(programme: Programme, till: Till):
    members.set_identifiers(programme.member("A"), [("external_id", IDENTIFIERS["EXTERNAL_ID"])], actor_id="system")
    assert told(till.start(IDENTIFIERS["EXTERNAL_ID"], by="EXTERNAL_ID")) == NOBODY


def test_a_member_of_another_site(programme: Programme, till: Till):
    other = make_programme()
    other.add("elsewhere", 5)
    assert told(till.start("elsewhere")) == NOBODY
    assert told(other.till.start(M1)) == NOBODY


def test_a_member_for_whom_the_client_may_not_act(programme: Programme):
    limited = make_till(programme.site, acts_as=[programme.member("A").user])
    assert told(limited.start(M1)) == NOBODY
    assert found(limited.start("A"))["accountId"] == "A"


def test_a_suspended_member_starts_and_a_closed_one_does_not(programme: Programme, till: Till):
    members.suspend(programme.member(M1), actor_id="system", reason="lost")
    assert found(till.start(M1))["status"] == "SUSPENDED"
    members.close(programme.member(M1), actor_id="system", reason="gone")
    assert told(till.start(M1, S2)) == NOBODY


def test_a_member_without_a_points_account(programme: Programme, till: Till):
    members.create_member(make_user(programme.site), account_id="poor", actor_id="system")
    body = found(till.start("poor"))
    assert (body["pointBalance"], body["redeemableBalance"]) == ("0", "0")
    assert told(till.reserve(reservationAmount="1")) == error("Account does not have enough points")


def test_only_points_are_told(programme: Programme, till: Till):
    make_account(programme.member(M1).user, balance=777)
    assert found(till.start(M1))["pointBalance"] == "25000"


def test_a_household_is_told(programme: Programme, till: Till):
    assert found(till.start("B", S2))["household"] == {
        "householdId": "H",
        "role": "MEMBER",
        "redeemableBalance": "6000000",
    }
    members.suspend(programme.member("C"), actor_id="system", reason="lost")
    assert found(till.start("B", S2))["household"]["redeemableBalance"] == "5000000"
    households.leave(programme.member("B"), actor_id="system", reason="moved out")
    assert found(till.start("B", S2))["household"] is None


@pytest.mark.parametrize("fields", [{}, {"correlationId": None}, {"correlationId": ""}, {"correlationId": " \t"}])
def test_no_correlation_id(till: Till, fields: dict[str, object]):
    assert told(till.post(f"{M1}/sessions", fields)) == NO_ID


@pytest.mark.parametrize("given", [5, True, [], ["x"], {}, 1.5, "a\nb", "\u202ex", "\x7f"])
def test_a_correlation_id_that_is_none(till: Till, given: object):
    assert told(till.post(f"{M1}/sessions", {"correlationId": given})) == error("correlationId is not valid")


@pytest.mark.parametrize(
    "session", ["x" * 100, "a/b", "reservations", "a/reservations/b", "%2F", "ü ß", " x", "..", "?", "😀"]
)
def test_any_text_is_a_correlation_id(programme: Programme, till: Till, session: str):
    body = found(till.start(M1, session))
    assert body["correlationId"] == session
    till.redeemed(till.reserved("5", session), session)
    assert programme.balance() == 24_995
    assert found(till.end(session))["sessionId"] == session


def test_a_correlation_id_that_is_too_long(till: Till):
    assert told(till.start(M1, "x" * 101)) == error("correlationId is too long")


@pytest.mark.parametrize("channel", [None, "", "   "])
def test_an_empty_channel(till: Till, channel: object):
    assert told(till.start(M1, channel=channel)) == NO_CHANNEL


@pytest.mark.parametrize(
    ("channel", "answer"),
    [
        (5, error("channel is not valid")),
        (["APP"], error("channel is not valid")),
        ("A\u0007", error("channel is not valid")),
        ("x" * 31, error("channel is too long")),
    ],
)
def test_a_channel_that_is_none(till: Till, channel: object, answer: tuple[int, bytes]):
    assert told(till.start(M1, channel=channel)) == answer


@pytest.mark.parametrize("channel", ["POS", "PARTNER", "pos", "x" * 30, "Kiosk 7 ü"])
def test_any_channel(till: Till, channel: str):
    assert found(till.start(M1, channel=channel))["channel"] == channel


@pytest.mark.parametrize("given", ["", "x", 5, S1[:-1], f"{S1}0", f" {S1}", S1.replace("-", ""), "\uff10" + S1[1:]])
def test_an_agent_session_that_is_no_guid(till: Till, given: object):
    assert told(till.start(M1, externalAgentSessionId=given)) == error("externalAgentSessionId is not valid")


def test_an_agent_session_is_recorded(till: Till):
    till.start(IDENTIFIERS["EXTERNAL_AGENT_ID"], by="EXTERNAL_AGENT_ID", externalAgentSessionId=S2.upper())
    assert LoyaltySession.objects.get().external_agent_session_id == S2.upper()
    assert till.start(M1, "another", externalAgentSessionId=None).status_code == 200


def test_the_same_again_is_the_same_session_with_current_data(programme: Programme, till: Till):
    till.start(M1, channel="POS")
    till.reserved("1000")
    body = found(till.start(M1, channel="WEBSITE"))
    assert (body["redeemableBalance"], body["channel"]) == ("24000", "POS")
    assert LoyaltySession.objects.count() == 1


def test_a_correlation_id_that_is_in_use(programme: Programme, till: Till):
    till.start(M1)
    assert told(till.start("A")) == IN_USE
    assert told(till.start("6000000001", by="LOYALTY_ID")) == IN_USE
    assert told(programme.till_of_another().start(M1)) == IN_USE
    till.end()
    assert told(till.start(M1)) == IN_USE
    assert LoyaltySession.objects.count() == 1


def test_a_correlation_id_of_a_session_that_timed_out_is_in_use(till: Till, stopped_clock: StoppedClock):
    till.start(M1)
    stopped_clock.advance(hours=24)
    assert told(till.signed_in().start(M1)) == IN_USE


def test_a_correlation_id_is_free_on_another_site(programme: Programme, till: Till):
    other = make_programme()
    other.add("A", 7)
    till.start("A")
    assert found(other.till.start("A"))["pointBalance"] == "7"
    other.till.reserved("7")
    assert programme.available("A") == 3_000_000


def test_what_is_unknown_is_ignored(till: Till):
    assert till.start(M1, pointBalance="9", site=2, status="ACTIVE", client="x").status_code == 200


def test_a_site_without_settings_has_the_feature_off(db: None):
    from tests.factories import make_site

    site = make_site()
    till = make_till(site)
    Programme(site, till).add("x", 5)
    assert found(till.start("x"))["pointBalance"] == "5"
    assert told(till.reserve(reservationAmount="1")) == error("Ad Hoc Redemption feature is not enabled.")
