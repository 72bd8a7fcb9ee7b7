"""Venues and system types on the desk: each of its own site, known to one system by one ID, and audited."""

import pytest

from accounts import venues
from accounts.models import AuditRecord, Site, SystemType, Venue
from tests.admin.desk import World, list_of, make_world, page_of, text_of
from tests.codes.advices import make_venue

pytestmark = pytest.mark.django_db
CREATE, NEW_TYPE = "/admin/accounts/venue/create/", "/admin/accounts/systemtype/create/"


@pytest.fixture
def till(world: World) -> SystemType:
    return SystemType.objects.get(site=world.site)


def form(world: World, **fields: object) -> dict[str, object]:
    till = SystemType.objects.get(site=world.site, number=10).pk
    return {
        "site": world.site.pk,
        "venue_id": "north",
        "name": "North gate",
        "system_type": till,
        "external_id": "0921",
        **fields,
    }


def test_every_site_begins_with_tills(world: World):
    sites = {"slug": "fresh", "name": "Fresh", "domain": "fresh.localhost", "language": "en", "time_zone": "UTC"}
    limits = {f"guesses_per_{name}": 1_000 for name in ("client", "network", "year")} | {"guesses_in_total": 1_000}
    answer = world.sign_in("superuser").post("/admin/accounts/site/add/", {**sites, **limits})

    assert answer.status_code == 302, text_of(answer)
    for site in Site.objects.all():
        assert [str(each) for each in site.system_types.all()] == ["10 Till"], site


def test_a_venue_is_added_and_audited(world: World, till: SystemType):
    answer = world.sign_in("manager").post(CREATE, form(world), follow=True)
    made = Venue.objects.get(venue_id="north")

    assert "North gate was added" in text_of(answer)
    assert (made.site, made.system_type, made.external_id, made.is_open) == (world.site, till, "0921", True)
    audited = AuditRecord.objects.get(action="venue.create", object_id=str(made.pk))
    assert audited.detail == {"venue_id": "north", "name": "North gate", "system_type": 10, "external_id": "0921"}
    assert audited.actor_id == world.staff["manager"].claimant_id


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"venue_id": ""}, "This field is required"),
        ({"venue_id": " x"}, "1 to 100 characters on one line"),
        ({"venue_id": "v-921"}, "This site has a venue of this ID already"),
        ({"external_id": "921"}, "Another venue is called so in systems of this type"),
        ({"external_id": ""}, "Say what that system calls it"),
        ({"external_id": "9\u20281"}, "1 to 100 characters on one line"),
        ({"system_type": ""}, "Say which kind of system calls it so"),
        ({"name": "x" * 101}, "at most 100 characters"),
        ({"site": "0"}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_said_and_no_venue_is_added(world: World, wrong: dict, said: str):
    before = Venue.objects.count()

    assert said in text_of(world.sign_in("manager").post(CREATE, form(world, **wrong)))
    assert Venue.objects.count() == before


def test_a_system_type_of_another_site_is_refused(world: World):
    there = make_world("elsewhere")
    theirs = SystemType.objects.get(site=there.site)
    both = world.staff["manager"]
    unknown = world.sign_in("manager").post(CREATE, form(world, system_type=theirs.pk))
    both.memberships.create(site=there.site, role="manager")
    known = world.sign_in("manager").post(CREATE, form(world, system_type=theirs.pk))

    assert "Select a valid choice" in text_of(unknown)
    assert "This system type is of another site" in text_of(known)
    assert not Venue.objects.filter(venue_id="north").exists()


def test_one_that_does_not_report_needs_no_external_id(world: World):
    world.sign_in("manager").post(CREATE, form(world, system_type="", external_id=""))

    assert Venue.objects.get(venue_id="north").system_type is None


def test_a_venue_is_changed_and_the_audit_knows_what_it_was(world: World, till: SystemType):
    venue = world.rows["accounts_venue"]
    fields = {"name": "South gate", "system_type": till.pk, "external_id": "922"}
    world.sign_in("manager").post(page_of(venue, "edit"), fields)
    venue.refresh_from_db()

    assert (venue.name, venue.external_id, venue.venue_id) == ("South gate", "922", "v-921")
    detail = AuditRecord.objects.get(action="venue.change").detail
    assert (detail["external_id"], detail["was"]["external_id"]) == ("922", "921")


def test_a_venue_is_closed_and_opened_again_once(world: World):
    venue = world.rows["accounts_venue"]
    browser = world.sign_in("manager")

    browser.post(page_of(venue, "close"), {"reason": "rebuilding"})
    venue.refresh_from_db()
    assert not venue.is_open
    assert "is not possible any more" in text_of(
        browser.post(page_of(venue, "close"), {"reason": "twice"}, follow=True)
    )
    assert not venues.close_venue(venue, actor_id="system", reason="twice")
    browser.post(page_of(venue, "open"), {"reason": "done"})
    venue.refresh_from_db()
    assert venue.is_open
    assert [each.detail for each in AuditRecord.objects.filter(action__startswith="venue.cl")] == [
        {"reason": "rebuilding"}
    ]


@pytest.mark.parametrize("term", ["north", "NORTH G", "n-1", "E-77"])
def test_a_venue_is_found_by_name_id_and_external_id(world: World, term: str):
    found = make_venue(world.site, "E-77", venue_id="n-1", name="North gate")
    page = text_of(world.sign_in("support").get(list_of("accounts_venue"), {"q": f" {term} "}))

    assert page_of(found) in page
    assert page_of(world.rows["accounts_venue"]) not in page


def test_system_types_are_added_and_renamed_and_their_number_stays(world: World):
    browser = world.sign_in("manager")
    browser.post(NEW_TYPE, {"site": world.site.pk, "number": -7, "name": "Kiosk"})
    kiosk = SystemType.objects.get(site=world.site, number=-7)
    browser.post(page_of(kiosk, "rename"), {"name": "Stand", "number": 8})
    kiosk.refresh_from_db()

    assert str(kiosk) == "-7 Stand"
    assert AuditRecord.objects.get(action="systemtype.change").detail == {"name": "Stand", "was": "Kiosk"}


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (10, "This site has a system type of this number already"),
        (2**31, "less than or equal to"),
        (-(2**31) - 1, "greater than or equal to"),
        ("ten", "Enter a whole number"),
    ],
)
def test_a_number_is_of_32_bits_and_taken_once(world: World, number: object, said: str):
    answer = world.sign_in("manager").post(NEW_TYPE, {"site": world.site.pk, "number": number, "name": "Kiosk"})

    assert said in text_of(answer)
    assert SystemType.objects.filter(site=world.site).count() == 1
