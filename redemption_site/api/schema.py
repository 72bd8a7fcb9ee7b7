"""The OpenAPI schema: what spectacular must be told, the committed file that is served, and Swagger UI.

``manage.py spectacular --file redemption_site/api/schema.yaml`` writes the file anew; a test compares.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
import yaml
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.views import SpectacularSwaggerSplitView

FILE = Path(__file__).with_name("schema.yaml")
YAML = "application/vnd.oai.openapi"
JSON = "application/vnd.oai.openapi+json"


class CallerScheme(OpenApiAuthenticationExtension):
    """How a caller says who it is: an API key, or a browser login with its CSRF token."""

    target_class = "redemption_site.edge.authentication.CallerAuthentication"
    name = ["apiKey", "browserLogin"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        """Either of the two, where a browser login can have the scope at all."""
        scope = auto_schema.view.scopes.get(auto_schema.method)
        key: dict[str, list[Any]] = {"apiKey": []}
        return [key, {"browserLogin": []}] if scope in (None, "redeem") else [key]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        return [
            {"type": "http", "scheme": "bearer", "description": "An API key, `<prefix>.<secret>`."},
            {
                "type": "apiKey",
                "in": "cookie",
                "name": "sessionid",
                "description": "A claimant signed in at their own site; anything but GET also needs X-CSRFToken.",
            },
        ]


class StrictBodies(OpenApiSerializerExtension):
    """What clients send has no fields but those listed."""

    target_class = "redemption_site.api.fields.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        listed: dict[str, Any] = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return {**listed, "additionalProperties": False}


def without_slashed(endpoints: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Every route is answered with and without a slash at the end; the schema names it once."""
    return [endpoint for endpoint in endpoints if not endpoint[0].endswith("/")]


@lru_cache(maxsize=1)
def written() -> tuple[bytes, bytes]:
    """The committed schema as YAML and as JSON. Generating it takes too long to do for strangers."""
    text = FILE.read_bytes()
    return text, orjson.dumps(yaml.safe_load(text))


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """The schema; JSON if ``?format=json`` or the Accept header asks for it."""
    as_yaml, as_json = written()
    if request.GET.get("format") == "json" or "json" in request.headers.get("Accept", ""):
        return HttpResponse(as_json, content_type=JSON)
    return HttpResponse(as_yaml, content_type=f"{YAML}; charset=utf-8")


class DocumentationView(SpectacularSwaggerSplitView):
    """Swagger UI from files of our own, so that it works offline, and with its script apart, so that none is inline."""

    authentication_classes = ()
    permission_classes = ()
    url_name = "schema"
