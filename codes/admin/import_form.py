"""The forms that take a file of codes: into a new batch, with the fields of "Issue codes", or into a living one."""

from typing import Any

from django import forms

from accounts.admin.deeds import DeskForm
from codes.admin.issue_form import WHAT_A_CODE_DOES, IssueForm

FILE_HELP = (
    "A CSV of up to 32 MiB. It has a column “code” and, if you like, uses, value, valid_from, valid_until and owner (a claimant "
    "ID), in any order; a single column without a heading is nothing but codes. What a row leaves empty is as entered below."
)


def file_field(help_text: str) -> forms.FileField:
    return forms.FileField(
        max_length=1_000,
        help_text=help_text,
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv,text/plain"}),
        error_messages={"empty": "The file is empty.", "required": "Choose a file.", "missing": "Choose a file."},
    )


class ImportForm(IssueForm):
    """A new batch; how many codes there are and how they look, the file says."""

    count = format = pattern = word = None  # type: ignore[assignment]
    file = file_field(FILE_HELP)

    sections = {
        "The file": ("file",),
        "The batch": ("site", "name", "total_cap"),
        "What a code does": WHAT_A_CODE_DOES,
        "How often": ("uses", "unlimited", "uses_per_claimant", "cooldown_seconds"),
        "When and where": ("valid_from", "valid_until", "time_zone", "venues"),
    }

    def clean(self) -> dict[str, Any]:
        return {**super().clean(), "count": 1, "format": "ours", "pattern": ""}


class ImportMoreForm(DeskForm):
    file = file_field(FILE_HELP.replace("as entered below", "as in the batch's last order"))
