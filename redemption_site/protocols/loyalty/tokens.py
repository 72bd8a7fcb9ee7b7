"""POST /oauth/token: a client's prefix and secret → a short-lived token. Source: RFC 6749, sections 2.3.1, 4.4 and 5."""

from functools import partial

from django.http import HttpRequest, HttpResponse

from accounts import access_tokens, clock
from accounts.models import Client
from accounts.refusals import TooManyAttempts, Unauthenticated
from codes.refusals import RequestMalformed, RequestTooLarge, UnsupportedMediaType
from redemption_site.edge import basic, forms, parsing
from redemption_site.protocols.loyalty import answers, errors
from redemption_site.protocols.loyalty.calling import told
from redemption_site.protocols.loyalty.errors import Refused

LARGEST_FORM = 16_384
CHALLENGE = 'Basic realm="loyalty"'


class NoToken(Exception):
    """One of OAuth's own errors, and the seconds to wait, if any."""

    def __init__(self, error: str, retry_after_seconds: int | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.retry_after_seconds = retry_after_seconds


@told
def token(request: HttpRequest) -> HttpResponse:
    """200 with a token; 401 invalid_client, 400 for everything else that is wrong with the request."""
    if request.method != "POST":
        raise Refused(errors.NOT_ALLOWED, {"Allow": "POST"})
    try:
        form = read_form(request)
        client = find_client(request, *read_pair(request, form))
        return answers.token(*access_tokens.issue(client, clock.read()))
    except NoToken as error:
        if error.error != "invalid_client":
            return answers.no_token(error.error, 400)
        headers = {"WWW-Authenticate": CHALLENGE}
        if error.retry_after_seconds:
            headers["Retry-After"] = str(error.retry_after_seconds)
        return answers.no_token(error.error, 401, headers)


def read_form(request: HttpRequest) -> dict[str, str]:
    """The form of a request for client credentials. Raises NoToken."""
    try:
        if request.content_type != forms.URLENCODED:
            raise UnsupportedMediaType
        parsing.refuse_charset(request.content_params or {})
        form = forms.read_form(request, LARGEST_FORM)
    except (UnsupportedMediaType, RequestTooLarge, RequestMalformed) as error:
        raise NoToken("invalid_request") from error
    if not form.get("grant_type"):
        raise NoToken("invalid_request")
    if form["grant_type"] != "client_credentials":
        raise NoToken("unsupported_grant_type")
    return form


def read_pair(request: HttpRequest, form: dict[str, str]) -> tuple[str, str]:
    """Prefix and secret, from the header or from the form, and not from both. Raises NoToken."""
    header: str | None = request.META.get("HTTP_AUTHORIZATION")
    if header is None:
        if not form.get("client_id") or not form.get("client_secret"):
            raise NoToken("invalid_client")
        return form["client_id"], form["client_secret"]
    if "client_secret" in form:
        raise NoToken("invalid_request")
    try:
        prefix, secret = basic.read_pair(header)
    except Unauthenticated as error:
        raise NoToken("invalid_client") from error
    if form.get("client_id", prefix) != prefix:
        raise NoToken("invalid_request")
    return prefix, secret


def find_client(request: HttpRequest, prefix: str, secret: str) -> Client:
    """The client whose pair this is, if it may use points. Raises NoToken."""
    # Staff sign in to pages; a name that is no client's costs nobody a look at passwords.
    if not basic.PREFIX.fullmatch(prefix):
        raise NoToken("invalid_client")
    try:
        verified = basic.remembered_pairs.find(partial(basic.verify, request), prefix, secret)
    except Unauthenticated as error:
        raise NoToken("invalid_client") from error
    except TooManyAttempts as error:
        raise NoToken("invalid_client", error.retry_after_seconds or 1) from error
    client = Client.objects.get(prefix=verified.actor_id)
    if Client.Scope.POINTS not in client.scopes:
        raise NoToken("invalid_client")
    return client
