"""Whatever the schema allows, and much that it does not, is answered as the schema says; nothing is answered by a 5xx."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from hypothesis.strategies import SearchStrategy, just
from schemathesis import HookContext
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
from tests.api.conftest import ALL_SCOPES, make_tenant
from tests.api.doors import till
from tests.codes.files import check
from tests.codes.reserved import place
from tests.codes.shop import make_item
from tests.factories import caller_of, make_client
from tests.scenes import scene

EXAMPLES = 20
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


def make_existing() -> tuple[str, dict[str, Any]]:
    """A key with every scope; IDs of things that exist, under the names that paths give them."""
    tenant = make_tenant()
    told = till(make_client(tenant.site).key).redeem("MULTI-0001").json()
    code = tenant.code("MULTI-0001")
    new = NewEdit(kind="disable", reason="a test")
    edit, _ = order_edit(tenant.code("OFF-0001").batch, new, caller_key="test", actor_id="system")
    source = check(tenant.site, "IMPORT-01\nx\n")
    program = make_client(tenant.site, ALL_SCOPES)
    return program.key, {
        "code_id": code.pk,
        "batch_id": code.batch_id,
        "attempt_id": told["transaction_id"],
        "edit_id": edit.pk,
        "import_id": source.pk,
        "order_id": code.order_id,
        "reservation_id": place(caller_of(program), "u-2002", "ABC-E6W5F", seconds=900).reservation_id,
        "claimant_id": "u-1001",
        "number": make_item(tenant.site).order.number,
        "position": 1,
    }


existing_scene = scene("existing", make_existing)


@pytest.fixture
def existing(existing_scene: Callable[[], tuple[str, dict[str, Any]]], db: None) -> dict[str, Any]:
    """IDs of things that exist, under the names that paths give them."""
    return existing_scene()[1]


@pytest.fixture
def key(existing_scene: Callable[[], tuple[str, dict[str, Any]]], db: None) -> Iterator[str]:
    """A key with every scope. The whole test is one open transaction: the end of a request must not close its connection."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield existing_scene()[0]
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


def before_generate_path_parameters(context: HookContext, strategy: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Chance need not choose what is replaced: examples differ in what remains, and end where nothing else can differ."""
    return just({each.name: "1" for each in context.operation.path_parameters})


@schema.include(path_regex=r"\{|/redemptions$|/validations$").parametrize()
@schema.hooks.apply(before_generate_path_parameters)
@bounded
def test_and_so_is_one_about_things_that_exist(case: Any, key: str, existing: dict[str, Any]):
    """Chance alone hardly ever names an object of the site."""
    for name in case.path_parameters or {}:
        case.path_parameters[name] = existing[name]
    if case.path.endswith(("/redemptions", "/validations")) and isinstance(case.body, dict):
        case.body.update({"code": "MULTI-0001", "claimant_id": "u-2002"})

    # What was put in may have mended a request that was wrong on purpose.
    case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, checks=CHECKS[:-1])
