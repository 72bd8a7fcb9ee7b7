"""All 22 return codes: each that can occur is provoked here, the others are listed; and the tables are total."""

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from accounts.identifying import IdentificationRefused
from accounts.models import PersonType, PrepaidSettings
from accounts.refusals import Refusal
from codes import keys
from codes.models import Batch, Code
from codes.redemption import writes
from codes.refusals import CodeReserved
from redemption_site.protocols.prepaid.refusals import ANSWERS, CANNOT_COME, IDENTIFICATION
from redemption_site.protocols.prepaid.return_codes import MEANINGS
from tests.codes.conftest import NOON
from tests.factories import make_site, make_staff, make_user
from tests.people import ADDRESS
from tests.protocols.prepaid.conftest import C2, C3, Tenant, moved
from tests.protocols.prepaid.shops import code_of, failure, messages

README = Path(settings.BASE_DIR) / "redemption_site" / "protocols" / "prepaid" / "README.md"


def boss(tenant: Tenant):
    make_staff(tenant.site, email="boss@example.test")
    return tenant.shop.as_("boss@example.test")


def change(tenant: Tenant, **fields: object) -> None:
    PrepaidSettings.objects.filter(site=tenant.site).update(**fields)


def no_settings(tenant: Tenant):
    change(tenant, default_language="")
    return tenant.redeem(UniqueID="visitor-new")


def maintenance(tenant: Tenant):
    change(tenant, maintenance=True)
    return tenant.redeem()


def licence(tenant: Tenant):
    change(tenant, licence_until=NOON)
    return tenant.redeem()


def stranger(tenant: Tenant):
    make_staff(make_site(), email="far@example.test")
    return tenant.shop.as_("far@example.test").call("mi_GetUnits", method="GET")


def excluded(tenant: Tenant):
    PersonType.objects.filter(pk=tenant.kind.pk).update(may_redeem=False)
    return tenant.redeem()


def later(tenant: Tenant):
    since = (NOON + dt.timedelta(seconds=1)).isoformat().replace("+00:00", "Z")
    name = "om_GetCashAccTransactions_Ad"
    return boss(tenant).call(name, {"PersonID": tenant.person.pk, "OnlyTransactionsSince": since}, method="GET")


def locked(tenant: Tenant):
    tenant.set_account(state="closed")
    return tenant.redeem()


def below(tenant: Tenant):
    tenant.set_account(floor=10_000)
    return tenant.redeem()


def closed_away(tenant: Tenant):
    other = tenant.make_other("poor@example.test", balance=None)
    return tenant.redeem(PersonIdentificationValues="poor@example.test¶5f4dcc3b", UniqueID=f"v{other.pk}")


def broken_seal(tenant: Tenant):
    Code.objects.filter(pk=tenant.code().pk).update(sealed=keys.seal(tenant.site.pk + 1, "x")[1])
    return boss(tenant).call("om_GetPrepaidCodes_Ad", method="GET")


PROVOKED: dict[int, Callable[[Tenant], object]] = {
    -500: lambda tenant: tenant.redeem("UniqueID"),
    -502: lambda tenant: tenant.redeem(PersonIdentificationValues=ADDRESS),
    -503: broken_seal,
    -504: lambda tenant: tenant.redeem(PrepaidCode="C4US-DUSD-USDU-SD44"),
    -510: stranger,
    -530: lambda tenant: tenant.redeem(PersonTypeID="x"),
    -535: later,
    -550: no_settings,
    -566: excluded,
    -567: maintenance,
    -569: lambda tenant: tenant.shop.call("om_GetPrepaidCodes_Ad"),
    -599: licence,
    -602: lambda tenant: tenant.redeem(UniqueID="defaultUniqueID"),
    -621: lambda tenant: tenant.redeem(PersonTypeID=9),
    -660: lambda tenant: tenant.redeem(PersonIdentificationValues=f"{ADDRESS}¶wrong"),
    -1301: lambda tenant: tenant.redeem(PrepaidCode="NOPE-0000"),
    -1302: lambda tenant: tenant.redeem(PrepaidCode=C2),
    -1303: lambda tenant: tenant.redeem(PrepaidCode=C3),
    -1321: below,
    -1322: locked,
    -1323: closed_away,
}


@pytest.mark.parametrize("code", PROVOKED)
def test_each_that_can_occur_does_and_no_value_moves(tenant: Tenant, code: int):
    codes = list(Code.objects.order_by("pk").values_list("pk", "state", "uses"))
    response = PROVOKED[code](tenant)

    assert code_of(response) == code
    assert f"<Description>{MEANINGS[code].description}</Description>".encode() in response.content
    assert list(Code.objects.order_by("pk").values_list("pk", "state", "uses")) == codes
    assert tenant.balance() == 1_000


def test_there_are_22_and_the_one_that_cannot_occur_says_why():
    assert len(MEANINGS) == 22
    assert {code for code, meaning in MEANINGS.items() if meaning.never} == {-501}
    assert PROVOKED.keys() == MEANINGS.keys() - {-501}


def test_faulty_data_are_named_by_batch_and_serial(tenant: Tenant):
    code = tenant.code()
    assert messages(broken_seal(tenant)) == [f"The characters of code {code.batch_id}-{code.serial} cannot be read."]


def test_the_original_s_words_are_kept():
    assert MEANINGS[-1302].original == "Validierung fehlgeschlagen, da der Code nicht mehr gültig ist"
    assert MEANINGS[-1322].original.startswith("Transaktion kann nicht durchgeführt weden, da der Status")


def test_the_readme_has_the_table():
    found = re.findall(r"^\| (-\d+) \| (.+) \| (.+) \|$", README.read_text(), re.MULTILINE)
    assert found == [(str(m.code), m.description, m.when) for m in MEANINGS.values()]


def test_every_refusal_and_every_failed_identification_has_a_code():
    assert ANSWERS.keys() == set(Refusal.tree())
    assert IDENTIFICATION.keys() == set(IdentificationRefused.__subclasses__())
    assert set(ANSWERS.values()) | set(IDENTIFICATION.values()) <= MEANINGS.keys()


def not_yet(tenant: Tenant) -> None:
    change_code(tenant, valid_from=NOON + dt.timedelta(seconds=1))


def change_code(tenant: Tenant, **fields: object) -> None:
    Code.objects.filter(pk=tenant.code().pk).update(**fields)


def owned(tenant: Tenant) -> None:
    change_code(tenant, owner=make_user(tenant.site))


def capped(tenant: Tenant) -> None:
    Batch.objects.filter(pk=tenant.code().batch_id).update(total_cap=0)


STANDING = {
    "not yet valid": (not_yet, -1302),
    "switched off": (lambda tenant: change_code(tenant, state="disabled"), -1302),
    "somebody else's": (owned, -1301),
    "deleted": (lambda tenant: change_code(tenant, state="deleted"), -1301),
    "its batch is capped": (capped, -1303),
}


@pytest.mark.parametrize("standing", STANDING)
def test_how_a_code_stands_without_a_row_of_its_own(tenant: Tenant, standing: str):
    arrange, code = STANDING[standing]
    arrange(tenant)
    before = moved()

    assert tenant.redeem().content == failure(code)
    assert moved() == before


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"venues": ["9"]}, -566),
        ({"cents": 0, "action": "add_tags", "parameters": {"tags": ["vip"]}}, -1301),
        ({"cents": 0, "action": "fulfilment", "parameters": {"item": "a cup"}}, -1301),
        ({"cents": 0, "action": "credit", "asset_code": "PTS", "value": 5}, -1301),
    ],
)
def test_codes_of_other_kinds(tenant: Tenant, fields: dict, code: int):
    from tests.factories import make_asset

    make_asset("PTS")
    tenant.make_code("0THER-K1ND", **fields)
    before = moved()

    assert tenant.redeem(PrepaidCode="0THER-K1ND").content == failure(code)
    assert moved() == before


def test_a_second_use_by_the_same_person_and_a_cool_down(tenant: Tenant):
    tenant.make_code("TWO-USES", uses=2)
    assert code_of(tenant.redeem(PrepaidCode="TWO-USES")) == 0
    assert tenant.redeem(PrepaidCode="TWO-USES").content == failure(-1303)

    tenant.make_code("SLOW-USES", uses=2, uses_per_claimant=2, cooldown_seconds=60)
    assert code_of(tenant.redeem(PrepaidCode="SLOW-USES")) == 0
    assert tenant.redeem(PrepaidCode="SLOW-USES").content == failure(-1303)


@pytest.mark.parametrize(
    "refusal", [each for each, code in ANSWERS.items() if code != CANNOT_COME or each is CodeReserved]
)
def test_what_the_engine_refuses_is_told_by_the_table(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, refusal: type[Refusal]
):
    def refuse(*_: object) -> None:
        raise refusal

    name = "redemption_site.protocols.prepaid.procedures.om_redeem_prepaid_code_pu.redeem_code"
    monkeypatch.setattr(name, refuse)
    assert tenant.redeem().content == failure(ANSWERS[refusal])


def test_ten_unknown_codes_of_one_person(tenant: Tenant):
    answers = [tenant.redeem(PrepaidCode=f"NOPE-{n:04d}", UniqueID=f"visitor-{n}").content for n in range(11)]
    assert answers == [failure(-1301)] * 10 + [failure(-567)]
    before = moved()
    assert tenant.redeem().content == failure(-567)
    assert moved() == before

    tenant.make_other()
    again = tenant.redeem(PersonIdentificationValues="other@example.test¶5f4dcc3b", UniqueID="visitor-other")
    assert code_of(again) == 0


def test_a_lock_that_is_not_obtained(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    from codes.redemption import facts
    from codes.refusals import CodeBusy
    from tests.codes.redeeming import assert_sound

    def busy(*_: object) -> None:
        raise CodeBusy

    monkeypatch.setattr(facts, "lock", busy)
    before = moved()
    try:
        assert tenant.redeem().content == failure(-504)
    finally:
        monkeypatch.undo()
    assert moved() == before
    assert_sound()


def test_identification_stays_though_the_code_is_refused(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise RuntimeError("out of paper")

    with monkeypatch.context() as broken:
        broken.setattr(writes, "use_codes", fail)
        assert tenant.redeem(UniqueID="visitor-new").content == failure(-504)
    assert code_of(tenant.redeem(UniqueID="visitor-new", PersonIdentificationValues=None)) == 0
