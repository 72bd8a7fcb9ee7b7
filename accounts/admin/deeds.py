"""Pages of the desk that ask for what a deed needs and then call it.

Django's own forms save rows inside a transaction of theirs; a deed begins and ends its own, audits itself, and refuses in words.
So whatever a deed owns is changed from these pages and from nowhere else.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import OperationalError
from django.db.models import Model
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.enums import ActionVariant
from unfold.widgets import CHECKBOX_CLASSES, INPUT_CLASSES, SELECT_CLASSES, TEXTAREA_CLASSES

from accounts.admin.scope import may, site_ids_where, staff_of
from accounts.models import Site
from accounts.refusals import Refusal

if TYPE_CHECKING:
    from accounts.admin.desk import DeskAdmin

BUSY = "Someone else is changing this right now. Nothing was changed; try again."


class DeskForm(forms.Form):
    """A form in the desk's look. ``once`` is drawn with the page, so that sending it twice does the deed once."""

    once = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4, required=False)
    sections: ClassVar[dict[str, tuple[str, ...]]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            widget = field.widget
            classes = INPUT_CLASSES
            if isinstance(widget, forms.CheckboxInput):
                classes = CHECKBOX_CLASSES
            elif isinstance(widget, forms.CheckboxSelectMultiple):
                classes = []
            elif isinstance(widget, forms.Textarea):
                classes = TEXTAREA_CLASSES
            elif isinstance(widget, forms.Select):
                classes = SELECT_CLASSES
                widget.template_name = "unfold/widgets/select.html"
            widget.attrs.setdefault("class", " ".join(classes))

    @property
    def key(self) -> str:
        """The idempotency key of this page."""
        return str(self.cleaned_data["once"] or uuid4())

    def laid_out(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The visible fields under their headings; those that no section names come first."""
        named = {name for names in self.sections.values() for name in names}
        loose = [field for field in self.visible_fields() if field.name not in named]
        parts = [("", loose)] if loose else []
        for heading, names in self.sections.items():
            parts.append((heading, [self[name] for name in names if name in self.fields]))
        return [(heading, fields) for heading, fields in parts if fields]


class ReasonForm(DeskForm):
    reason = forms.CharField(max_length=200, help_text="Kept in the audit.")


class SiteField(forms.ModelChoiceField):
    """One of the sites on which the member of staff may do this."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(queryset=Site.objects.none(), label="Site", empty_label=None, **kwargs)


class Deed:
    """One button of the desk, and the page behind it. GET asks, POST calls ``perform``."""

    name: ClassVar[str]
    label: ClassVar[str]
    submit: ClassVar[str] = ""  # On the form's own button; "": the label.
    icon: ClassVar[str] = ""
    variant: ClassVar[ActionVariant] = ActionVariant.DEFAULT
    permission: ClassVar[str]
    form_class: ClassVar[type[DeskForm]] = DeskForm
    template_name: ClassVar[str] = "admin/deed.html"
    scripts: ClassVar[tuple[str, ...]] = ()
    answers_with_a_file: ClassVar[bool] = False  # The browser then stays on the page.

    def __init__(self, model_admin: "DeskAdmin") -> None:
        self.model_admin = model_admin

    def offered(self, request: HttpRequest, row: Any) -> bool:
        """Whether it makes sense for this row as it stands; permission is asked apart."""
        return True

    def explain(self, request: HttpRequest, row: Any) -> str:
        """What it will do, in a sentence or two above the form."""
        return ""

    def form(self, request: HttpRequest, row: Any) -> DeskForm:
        sent = (request.POST, request.FILES) if request.method == "POST" else (None, None)
        form = self.form_class(*sent, initial=self.initial(request, row))
        if isinstance(site := form.fields.get("site"), SiteField):
            site.queryset = Site.objects.filter(pk__in=site_ids_where(staff_of(request), self.permission)).order_by(
                "name"
            )
        return form

    def initial(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {}

    def perform(self, request: HttpRequest, row: Any, form: Any) -> HttpResponseBase | str:
        """Call the deed. Answers what to tell when it is done, or a page of its own.

        May raise a Refusal, or ValidationError with field names; both are shown where the form is.
        """
        raise NotImplementedError

    def say(self, refusal: Refusal) -> str:
        """The refusal in words."""
        return f"{refusal.reason.replace('_', ' ').capitalize()}. Nothing was changed."

    @property
    def url_name(self) -> str:
        opts = self.model_admin.opts
        return f"{opts.app_label}_{opts.model_name}_{self.name.replace('-', '_')}"

    def button(self, row: Any = None) -> dict[str, Any]:
        """As Unfold's templates draw it."""
        path = reverse(f"admin:{self.url_name}", args=[row.pk] if row is not None else [])
        # Red is for the page that asks once more; a page to read on stays calm.
        variant = ActionVariant.DEFAULT if self.variant is ActionVariant.DANGER else self.variant
        return {"title": self.label, "icon": self.icon, "variant": variant, "path": path, "attrs": {}}

    def allowed(self, request: HttpRequest, row: Any) -> bool:
        user = staff_of(request)
        if row is None:
            return user.is_superuser or bool(site_ids_where(user, self.permission))
        return may(user, self.permission, self.model_admin.site_id_of(row))

    def page(self, request: HttpRequest, row: Any = None) -> HttpResponseBase:
        """Ask, or do. Outside any transaction, because the deed's own is the outermost."""
        if not self.allowed(request, row):
            raise PermissionDenied
        if not self.offered(request, row):
            messages.warning(request, f"“{self.label}” is not possible any more: it has changed meanwhile.")
            return HttpResponseRedirect(self.back(row))
        form = self.form(request, row)
        if request.method == "POST" and form.is_valid():
            answer = attempt(lambda: self.perform(request, row, form), form, self.say)
            if isinstance(answer, HttpResponseBase):
                return answer
            if answer is not None:
                messages.success(request, answer)
                return HttpResponseRedirect(self.back(row))
        return self.render(request, row, {"form": form, "explain": self.explain(request, row)})

    def render(self, request: HttpRequest, row: Any, context: dict[str, Any], template: str = "") -> TemplateResponse:
        request.current_app = self.model_admin.admin_site.name
        whole = {
            **self.model_admin.admin_site.each_context(request),
            "opts": self.model_admin.opts,
            "original": row if isinstance(row, Model) else None,
            "title": self.label,
            "deed": self,
            "danger": self.variant is ActionVariant.DANGER,
            "back": self.back(row),
            **context,
        }
        response = TemplateResponse(request, template or self.template_name, whole)
        # What such a page shows may be shown once only: neither a browser's history nor a proxy may keep it.
        response["Cache-Control"] = "no-store"
        return response

    def back(self, row: Any) -> str:
        """Where the person came from: the row's page, else the list."""
        opts = self.model_admin.opts
        if row is not None:
            return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row.pk])
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")


def attempt(
    perform: Callable[[], HttpResponseBase | str], form: forms.Form, say: Callable[[Refusal], str]
) -> HttpResponseBase | str | None:
    """Do it; an expected no becomes the form's errors, and None is answered."""
    try:
        return perform()
    except Refusal as refusal:
        form.add_error(None, say(refusal))
    except ValidationError as error:
        add_errors(form, error)
    except OperationalError:
        form.add_error(
            None, BUSY
        )  # A lock was not obtained in time; a database that is away fails on the next query too.
    return None


def add_errors(form: forms.Form, error: ValidationError) -> None:
    """Show each message at its field, and those of fields the form does not have above it."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, messages_ in error.message_dict.items():
        for message in messages_:
            shown = name in form.fields and not form.fields[name].widget.is_hidden
            form.add_error(name if shown else None, message)
