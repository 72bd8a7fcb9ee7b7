"""The desk: where staff sign in by e-mail, and the first page they see."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import LogoutView
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import translation
from unfold.forms import AuthenticationForm
from unfold.sites import UnfoldAdminSite

from accounts.signing_in import locked_seconds
from redemption_site.admin_sidebar import sidebar

# Not "no-referrer": browsers then send forms with "Origin: null", which the check against forged forms refuses.
REFERRER_POLICY = "strict-origin"
LANGUAGE = "en"  # The desk has one language; a browser's other one would translate half of it.


class SignInForm(AuthenticationForm):
    """Staff sign in by e-mail. Who guesses passwords is locked out, and told so."""

    username = forms.EmailField(label="E-mail", max_length=254)
    error_messages = {
        "invalid_login": "E-mail address and password do not match an account of the staff.",
        "inactive": "This account is switched off.",
        "locked": "Too many attempts to sign in. Try again in %(minutes)s minutes.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["username"]
        # Django takes the bounds of the user name, which is ours and not an address.
        field.max_length = 254
        field.widget.attrs.update(
            {"type": "email", "maxlength": 254, "autocomplete": "username", "autofocus": True, "inputmode": "email"}
        )
        self.fields["password"].widget.attrs["autocomplete"] = "current-password"

    def confirm_login_allowed(self, user: Any) -> None:
        super().confirm_login_allowed(user)
        if not user.is_staff:
            raise self.get_invalid_login_error()

    def get_invalid_login_error(self) -> forms.ValidationError:
        if seconds := locked_seconds(self.request, self.cleaned_data.get("username", "")):
            minutes = max(1, -(-seconds // 60))
            return forms.ValidationError(self.error_messages["locked"], code="locked", params={"minutes": minutes})
        return forms.ValidationError(self.error_messages["invalid_login"], code="invalid_login")


class Desk(UnfoldAdminSite):
    """Every page speaks one language, keeps strangers out, and answers 404 for what the reader may not see."""

    login_form = SignInForm
    index_template = "admin/index.html"
    enable_nav_sidebar = True
    site_url = None

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.login_form = SignInForm

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        def spoken(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            translation.activate(LANGUAGE)
            try:
                response = view(request, *args, **kwargs)
            except PermissionDenied:
                response = self.refuse(request)
            response["Referrer-Policy"] = REFERRER_POLICY
            return response

        spoken.__dict__.update(getattr(view, "__dict__", {}))
        return super().admin_view(spoken, cacheable)

    def refuse(self, request: HttpRequest) -> HttpResponse:
        """403 with the way back."""
        context = {**self.each_context(request), "title": "Not allowed"}
        return TemplateResponse(request, "admin/refused.html", context, status=403)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        translation.activate(LANGUAGE)
        user = request.user
        # The template would name the username, which is never shown.
        named = {"username": str(user) if user.is_authenticated else "", **(extra_context or {})}
        response = super().login(request, named)
        response["Referrer-Policy"] = REFERRER_POLICY
        sent_somewhere = REDIRECT_FIELD_NAME in request.GET or REDIRECT_FIELD_NAME in request.POST
        if request.method == "POST" and response.status_code == 302 and not sent_somewhere:
            response["Location"] = reverse("admin:index", current_app=self.name)  # Not where claimants go.
        return response

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Their own password, with its audit row in the same commit."""
        from accounts.admin.people import audit_user
        from accounts.admin.scope import staff_of

        with transaction.atomic():
            response = super().password_change(request, extra_context)
            if request.method == "POST" and response.status_code == 302:
                audit_user(request, "user.change_password", staff_of(request), {})
        return response

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """End the session; the way on is the desk's door and not where claimants go."""
        return LogoutView.as_view(next_page=reverse("admin:login", current_app=self.name))(request)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        # Its figures need the packages' own pages, which register with this very class when they are imported.
        from redemption_site.admin_overview import overview

        context = {
            **self.each_context(request),
            "title": "Today",
            "subtitle": None,
            **overview(request),
            **(extra_context or {}),
        }
        request.current_app = self.name
        return TemplateResponse(request, self.index_template or "admin/index.html", context)

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        return sidebar(request)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        # Every page is told of all models with their addresses, and none shows them: the sidebar names what there is.
        return super().get_app_list(request, app_label) if app_label else []

    def search(self, request: HttpRequest) -> HttpResponse:
        raise Http404  # Unfold's own search would look into every list, and remember what was typed.

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        raise Http404  # No form of the desk completes anything from the server.

    def get_log_entries(self, request: HttpRequest) -> Any:
        return ()  # The audit is the history, and Django's log stays empty.
