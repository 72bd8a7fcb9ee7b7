"""The committed schema is the generated one, is served as it is, and names every route."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.urls import get_resolver

from redemption_site.api.schema import FILE
from redemption_site.api.urls import ROUTES
from tests.api.doors import stranger

REPOSITORY = Path(__file__).parents[2]
COMMITTED = yaml.safe_load(FILE.read_text())


def test_the_committed_schema_is_the_generated_one_without_a_warning(tmp_path: Path):
    written = tmp_path / "schema.yaml"

    done = subprocess.run(
        [sys.executable, "manage.py", "spectacular", "--validate", "--fail-on-warn", "--file", str(written)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert written.read_text() == FILE.read_text(), "Run: manage.py spectacular --file redemption_site/api/schema.yaml"


def test_it_names_every_route_once_and_without_a_slash():
    routes = {
        f"/api/v1/{route}".replace("<int:", "{").replace("<uuid:", "{").replace("<path:", "{").replace(">", "}")
        for route, _ in ROUTES
    }

    assert set(COMMITTED["paths"]) == routes


def test_every_operation_documents_what_can_go_wrong():
    for operations in COMMITTED["paths"].values():
        for method, operation in operations.items():
            statuses = set(operation["responses"])
            assert {"401", "503"} <= statuses
            if method in ("post", "patch"):
                assert {"400", "413", "415"} <= statuses
            assert operation["security"]


def test_only_what_a_browser_login_can_do_offers_it():
    offered = {
        operation["operationId"]
        for operations in COMMITTED["paths"].values()
        for operation in operations.values()
        if {"browserLogin": []} in operation["security"]
    }

    reserving = {f"{deed}_reservation" for deed in ("make", "get", "confirm", "release")}
    assert offered == {"redeem", "validate", "get_attempt"} | reserving


@pytest.mark.django_db
def test_it_is_served_as_yaml_and_as_json_to_everybody():
    as_yaml = stranger().get("/api/schema/")
    as_json = stranger().get("/api/schema/?format=json")
    accepted = stranger().get("/api/schema/", headers={"Accept": "application/json"})

    assert as_yaml.content == FILE.read_bytes()
    assert as_yaml.headers["Content-Type"].startswith("application/vnd.oai.openapi;")
    assert as_json.json() == accepted.json() == COMMITTED


@pytest.mark.django_db
def test_swagger_ui_is_served_from_files_of_our_own():
    page = stranger().get("/api/docs/")
    script = stranger().get("/api/docs/?script=")

    assert page.status_code == 200
    html = page.content.decode()
    assert "//" not in html.replace("<!DOCTYPE html>", "").replace("https://", "//") or "http" not in html
    assert "<script>" not in html
    assert '"/api/schema/"' in script.content.decode() or "schema" in script.content.decode()
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe-eval" not in policy


def test_no_route_of_the_api_lacks_its_twin_with_a_slash():
    resolver = next(each for each in get_resolver().url_patterns if str(each.pattern) == "api/v1/")
    patterns = {str(pattern.pattern) for pattern in resolver.url_patterns}

    assert {pattern for pattern in patterns if pattern.endswith("/")} == {
        f"{pattern}/" for pattern in patterns if not pattern.endswith("/")
    }
