"""Whatever the schema allows, and much that it does not, is answered as the schema says; nothing is answered by a 5xx."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from codes.editing import order_edit
from codes.foreseeing import NewEdit
from tests.api.conftest import ALL_SCOPES, Tenant
from tests.api.doors import till
from tests.codes.files import check
from tests.codes.reserved import place
from tests.codes.shop import make_item
from tests.factories import caller_of, make_client

EXAMPLES = 20
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


@pytest.fixture
def existing(tenant: Tenant, instruments: None) -> dict[str, Any]:
    """IDs of things that exist, under the names that paths give them."""
    told = till(make_client(tenant.site).key).redeem("MULTI-0001").json()
    code = tenant.code("MULTI-0001")
    new = NewEdit(kind="disable", reason="a test")
    edit, _ = order_edit(tenant.code("OFF-0001").batch, new, caller_key="test", actor_id="system")
    source = check(tenant.site, "IMPORT-01\nx\n")
    return {
        "code_id": code.pk,
        "batch_id": code.batch_id,
        "attempt_id": told["transaction_id"],
        "edit_id": edit.pk,
        "import_id": source.pk,
        "order_id": code.order_id,
        "claimant_id": "u-1001",
        "number": make_item(tenant.site).order.number,
        "position": 1,
    }


@pytest.fixture
def key(tenant: Tenant, existing: dict[str, Any]) -> Iterator[str]:
    """A key with every scope. The whole test is one open transaction: the end of a request must not close its connection."""
    new = make_client(tenant.site, ALL_SCOPES)
    existing["reservation_id"] = place(caller_of(new), "u-2002", "ABC-E6W5F", seconds=900).reservation_id
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield new.key
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


# The schema is a file, so that reading it while tests are collected needs no database.
schema = schemathesis.openapi.from_wsgi("/api/schema/?format=json", get_wsgi_application())

bounded = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@schema.parametrize()
@bounded
def test_every_answer_is_one_that_the_schema_names(case: Any, key: str):
    case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, checks=CHECKS)


@schema.include(path_regex=r"\{|/redemptions$|/validations$").parametrize()
@bounded
def test_and_so_is_one_about_things_that_exist(case: Any, key: str, existing: dict[str, Any]):
    """Chance alone hardly ever names an object of the site."""
    for name in case.path_parameters or {}:
        case.path_parameters[name] = existing[name]
    if case.path.endswith(("/redemptions", "/validations")) and isinstance(case.body, dict):
        case.body.update({"code": "MULTI-0001", "claimant_id": "u-2002"})

    # What was put in may have mended a request that was wrong on purpose.
    case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, checks=CHECKS[:-1])
