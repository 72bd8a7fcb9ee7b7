"""Under /api/ no middleware runs that only pages need, and the API speaks English after any page."""

import pytest
from django.test import Client
from django.utils import translation

from tests.api.doors import till
from tests.factories import make_client, make_site

pytestmark = pytest.mark.django_db


def test_the_api_speaks_english_whatever_was_spoken_before():
    site = make_site(domain="t.localhost")
    door = till(make_client(site, ["issue"]).key)
    translation.activate("de")

    response = door.post("/api/v1/batches", {"count": 1}, headers={"Accept-Language": "de"})

    assert response.json()["errors"] == [{"field": "name", "message": "This field is required."}]


def test_an_answer_of_the_api_carries_nothing_of_a_page():
    response = Client().get("/api/v1/batches", headers={"Host": "localhost", "Accept-Language": "de"})

    assert not {"Content-Language", "Vary", "Set-Cookie"} & set(response.headers)


def test_a_page_speaks_the_visitors_language():
    make_site(domain="t.localhost")

    response = Client().get("/sign-in", headers={"Host": "t.localhost", "Accept-Language": "de"})

    assert response.headers["Content-Language"] == "de"
