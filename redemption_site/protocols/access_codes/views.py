"""/admin-api/<site>/redemptions: authenticate, find what is meant, read, call, write."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.signals import got_request_exception
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from accounts import outages
from accounts.models import Site
from accounts.offering import find_offers
from accounts.refusals import Refusal, ServiceUnavailable
from codes import content_changing, content_codes, content_issuing
from codes.content_changing import NothingThere, Publisher
from codes.content_codes import ContentCode, Span
from codes.content_issuing import NewContentCodes
from codes.models import Batch, Code, Terms
from codes.revealing import note_shown
from redemption_site.edge import rendering
from redemption_site.edge.basic import Administrator, find_administrator
from redemption_site.edge.rendering import json_response
from redemption_site.protocols.access_codes import answers, wire
from redemption_site.protocols.access_codes.answers import Refused

log = logging.getLogger(__name__)

DOOR = "admin-api"


@dataclass(frozen=True, slots=True)
class Target:
    """What the address names: the list, a batch, or a code of one."""

    batch: Batch | None = None
    code: Code | None = None


@method_decorator(csrf_exempt, name="dispatch")
class RedemptionsView(View):
    """All of the protocol's addresses: what follows the site is a batch if one has that name, else it ends with a code."""

    methods: ClassVar = {False: ("GET", "HEAD", "POST"), True: ("GET", "HEAD", "PUT", "DELETE")}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: str) -> HttpResponseBase:
        try:
            return self.answer(request, kwargs.get("site"), kwargs.get("rest", ""))
        except Refused as refused:
            return answers.answer(refused.status, refused.message, refused.headers)
        except Refusal as refusal:
            return answers.answer_to(refusal)
        except ValidationError as error:
            return answers.answer_to_deed(error)
        except Exception as error:
            if outages.is_away(error):
                log.warning("The database is away: %s", type(error).__name__)
                return answers.answer_to(ServiceUnavailable())
            log.exception("A bug")
            got_request_exception.send(sender=type(self), request=request)
            return answers.answer(*answers.INTERNAL)

    def answer(self, request: HttpRequest, slug: str | None, rest: str) -> HttpResponseBase:
        """In the contract's order: who asks, which site, whether they administer it, and only then the request."""
        administrator = find_administrator(request)
        site = find_site(administrator, slug)
        if not administrator.administers(site.pk):
            raise Refused(*answers.NOT_AUTHORIZED)
        allowed = self.methods[bool(rest)]
        if request.method not in allowed:
            raise Refused(*answers.NOT_ALLOWED, {"Allow": ", ".join(allowed)})
        target = find_target(site, rest)
        asked = Asked(request, site, administrator, request.GET.get("target-url"))
        if request.method == "POST":
            return create(asked)
        if request.method == "PUT":
            return change(asked, target)
        if request.method == "DELETE":
            return delete(asked, target)
        return json_response(None) if request.method == "HEAD" else read(asked, target)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is allowed, and who makes it."""

    request: HttpRequest
    site: Site
    administrator: Administrator
    target_url: str | None

    @property
    def publisher(self) -> Publisher:
        return Publisher(caller_key=self.administrator.key, actor_id=self.administrator.actor_id, door=DOOR)

    def record(self, code: ContentCode) -> dict[str, Any]:
        return wire.write_record(code, self.site.domain, self.target_url)


def find_site(administrator: Administrator, slug: str | None) -> Site:
    """The site of this code name; where none is named, the only one that the caller administers. Raises Refused."""
    if slug is not None:
        found = [] if "\x00" in slug else list(Site.objects.filter(slug=slug))
    elif administrator.everywhere:
        found = list(Site.objects.all()[:2])
    else:
        found = list(Site.objects.filter(pk__in=administrator.site_ids)[:2])
    if len(found) != 1:
        raise Refused(*answers.NO_SUCH_SITE)
    return found[0]


def find_target(site: Site, rest: str) -> Target:
    """The server hands paths on decoded, so a slash may be part of a name or not. Raises Refused."""
    if not rest:
        return Target()
    name, _, typed = rest.removesuffix("/").rpartition("/")
    found = content_codes.find_batches(site.pk, {rest, rest.removesuffix("/"), name})
    batch = found.get(rest) or found.get(rest.removesuffix("/"))
    if batch:
        return Target(batch)
    batch = found.get(name)
    if batch is None:
        raise Refused(*answers.NO_SUCH_BATCH)
    code = content_codes.find_code(batch, typed)
    if code is None:
        raise Refused(*answers.NO_SUCH_CODE)
    return Target(batch, code)


def create(asked: Asked) -> HttpResponse:
    given = wire.read_new_codes(wire.read_body(asked.request), lambda each: each in find_offers(asked.site.pk, [each]))
    by = asked.publisher
    new = NewContentCodes(site_id=asked.site.pk, caller_key=by.caller_key, actor_id=by.actor_id, door=by.door, **given)
    return json_response(content_issuing.issue_content_codes(new))


def read(asked: Asked, target: Target) -> HttpResponseBase:
    if target.batch is None:
        names = content_codes.batch_names(asked.site.pk)
        return json_response([wire.write_batch(name, asked.site.slug) for name in names])
    by = asked.publisher
    note_shown(target.batch, target.code, actor_id=by.actor_id, door=by.door)
    if target.code is not None:
        return one(asked, target.batch, target.code)
    return stream(asked, content_codes.whole(target.batch))


def change(asked: Asked, target: Target) -> HttpResponseBase:
    assert target.batch is not None
    body = wire.read_body(asked.request)
    codes = content_codes.codes_of(target.batch)
    if target.code is not None:
        codes = codes.filter(pk=target.code.pk)
    standing: list[tuple[str, dict[str, Any]]] = []
    if not body.keys().isdisjoint(wire.FIELD_OF.values()):
        terms = Terms.objects.filter(pk__in=codes.order_by().values("terms"))
        standing = list(terms.values_list("action", "parameters").distinct())
    known = {repr(parameters.get("access_control")) for _, parameters in standing}
    wanted = wire.read_change(
        body,
        {action for action, _ in standing},
        # What the codes have already is no question: a record that was read can be sent back.
        lambda each: known == {repr(each)} or each in find_offers(asked.site.pk, [each]),
    )
    try:
        span = content_changing.change_content_codes(target.batch, wanted, asked.publisher, code=target.code)
    except NothingThere as error:
        raise Refused(*(answers.NO_SUCH_BATCH if target.code is None else answers.NO_SUCH_CODE)) from error
    if target.code is not None:
        return one(asked, span.batch, target.code)
    return stream(asked, span)


def delete(asked: Asked, target: Target) -> HttpResponse:
    assert target.batch is not None
    try:
        count = content_changing.delete_content_codes(target.batch, asked.publisher, code=target.code)
    except NothingThere as error:
        raise Refused(*(answers.NO_SUCH_BATCH if target.code is None else answers.NO_SUCH_CODE)) from error
    return answers.answer(200, f"Deleted {count} code{'' if count == 1 else 's'}")


def one(asked: Asked, batch: Batch, code: Code) -> HttpResponse:
    found = content_codes.read_one(code, batch)
    if found is None:
        raise Refused(*answers.NO_SUCH_CODE)
    return json_response(asked.record(found))


def stream(asked: Asked, span: Span) -> StreamingHttpResponse:
    """The records as one JSON array. Its first page is read before the answer begins, so that a failure can still be told."""
    pages = content_codes.read(span)
    first = next(pages, [])
    response = StreamingHttpResponse(pieces(asked, first, pages), content_type=rendering.JSON)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def pieces(asked: Asked, page: list[ContentCode], pages: Iterator[list[ContentCode]]) -> Iterator[bytes]:
    """A piece a page. What cannot be read to its end has no closing bracket: nobody can take it for the whole."""
    before = b"["
    while page:
        yield before + rendering.dumps([asked.record(code) for code in page])[1:-1]
        before = b","
        try:
            page = next(pages, [])
        except (DatabaseError, InterfaceError):
            log.exception("a list of codes broke off", extra={"serial": page[-1].serial})
            return
    yield b"]" if before == b"," else b"[]"


@csrf_exempt
def nothing_here(request: HttpRequest, rest: str = "") -> HttpResponse:
    return answers.answer(*answers.NOTHING_HERE)
