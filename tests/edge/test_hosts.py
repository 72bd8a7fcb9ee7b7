"""Which host names are answered, and whose site a page belongs to."""

import pytest
from django.http import Http404
from django.test import Client, RequestFactory

from redemption_site.edge.hosts import REMEMBER_SECONDS, SiteMiddleware, directory, require_site
from tests.factories import make_site

pytestmark = pytest.mark.django_db


def site_of(host: str):
    seen = []
    SiteMiddleware(lambda request: seen.append(require_site(request)))(
        RequestFactory().get("/", headers={"Host": host})
    )
    return seen[0]


def test_the_sites_own_domain_in_any_case_and_with_any_port():
    north, south = make_site(domain="north.localhost"), make_site(domain="south.localhost")

    assert site_of("north.localhost") == north
    assert site_of("South.LOCALHOST:8000") == south
    assert site_of("south.localhost.") == south


def test_an_unknown_host_gets_the_only_site():
    only = make_site(domain="north.localhost")

    assert site_of("127.0.0.1:8000") == only


def test_with_several_sites_an_unknown_host_gets_the_default_one(settings):
    make_site(domain="north.localhost")
    default = make_site(slug="south", domain="south.localhost")
    settings.DEFAULT_SITE = "south"

    assert site_of("localhost") == default


@pytest.mark.parametrize("default", ["", "nowhere"])
def test_without_a_default_it_is_nobodys_page(settings, default: str):
    make_site(domain="north.localhost")
    make_site(domain="south.localhost")
    settings.DEFAULT_SITE = default

    with pytest.raises(Http404):
        site_of("localhost")
    assert Client().get("/redeem", headers={"Host": "localhost"}).status_code == 404


@pytest.mark.parametrize("host", ["localhost", "demo.localhost", "127.0.0.1", "127.0.0.1:8000", "[::1]", "[::1]:8000"])
def test_the_demo_answers_to_loopback_names(host: str):
    assert Client().get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["example.com", "evil.localhost.example.com", "10.0.0.1", "xlocalhost", "*", "[::2]"])
def test_the_demo_answers_to_no_other_and_says_so_in_words(host: str):
    response = Client().get("/healthz", headers={"Host": host})

    assert response.status_code == 400
    assert response.headers["Content-Type"].startswith("text/plain")
    assert host == "*" or b"demonstration" in response.content


@pytest.mark.parametrize(
    "host", ["a b", "a/b", "a@b", "a\\b", "<script>", "[::1", "a..b:x", "ключ", "", ":80", "a\x00b"]
)
@pytest.mark.parametrize("path", ["/healthz", "/api/v1/redemptions", "/redeem", "/admin/"])
def test_a_malformed_host_is_400_and_never_500(host: str, path: str):
    assert Client().get(path, headers={"Host": host}).status_code == 400


def test_in_production_any_well_formed_name_is_answered_and_the_fallback_decides(settings):
    settings.PRODUCTION = True
    make_site(domain="vouchers.example")
    other = make_site(domain="gifts.example")

    assert site_of("gifts.example") == other
    assert Client().get("/healthz", headers={"Host": "10.0.0.1"}).status_code == 200
    with pytest.raises(Http404):
        site_of("unknown.example")


def test_the_sites_are_read_once_in_five_seconds(django_assert_num_queries, monkeypatch: pytest.MonkeyPatch):
    make_site(domain="north.localhost")
    site_of("north.localhost")

    with django_assert_num_queries(0):
        site_of("north.localhost")
    directory.read_at -= REMEMBER_SECONDS
    with django_assert_num_queries(1):
        site_of("north.localhost")


def test_a_change_is_seen_at_once_by_the_process_that_made_it():
    north = make_site(domain="north.localhost")
    make_site(domain="south.localhost")
    assert site_of("north.localhost") == north
    north.domain = "west.localhost"
    north.save()

    assert site_of("west.localhost") == north


def test_a_request_that_asks_for_no_site_costs_no_query(django_assert_num_queries):
    directory.forget()

    with django_assert_num_queries(0):
        assert Client().get("/healthz", headers={"Host": "localhost"}).status_code == 200
