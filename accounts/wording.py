"""What a name or an ID may look like, and how a few of many are told; raises ValidationError with the field's name."""

import re
from collections.abc import Iterable

from django.core.exceptions import ValidationError

ID_LENGTH = 100
TOLD = 5
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def check_id(field: str, text: str) -> None:
    """IDs are compared exactly, so nothing that a person cannot see may be in one."""
    check_line(field, text, ID_LENGTH)


def check_line(field: str, text: str, most: int) -> None:
    """One line of 1 to ``most`` characters, without white space around it."""
    if not 0 < len(text) <= most or text != text.strip() or not text.isprintable():
        raise ValidationError(
            {field: [f"1 to {most} characters on one line, without spaces at the beginning or the end."]}
        )


def named(texts: Iterable[str]) -> str:
    """The first few, and whether there are more."""
    ordered = sorted(texts)
    return ", ".join(ordered[:TOLD]) + (f" and {len(ordered) - TOLD} more" if len(ordered) > TOLD else "")


def is_text(text: str) -> bool:
    """Whether it can be kept, sent and shown: no control characters, and no half of a surrogate pair."""
    return not CONTROL.search(text) and text.encode(errors="replace").decode() == text
