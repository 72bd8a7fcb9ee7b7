"""From what somebody typed to the code it names: the canonical form, the look-up, and the form that is shown.

Source: redemption flow, section 2 (normalization).
"""

import re
import unicodedata
from collections.abc import Sequence

from django.db.models import Q

from codes import keys
from codes.models import Code, IssueOrder
from codes.refusals import CodeFormatInvalid

LONGEST_TYPED = 100
CANONICAL = re.compile(r"[0-9A-Z._]{4,64}")
DASHES = frozenset("\u002d\u2010\u2011\u2012\u2013\u2014\u2015\u2212")
FULL_WIDTH = range(0xFF01, 0xFF5F)
# Upper case by table and never by Unicode's rules, for "ſ" and "ı" must not become letters; then the look-alikes.
FOLD = str.maketrans("abcdefghijklmnopqrstuvwxyzOIL", "ABCDEFGH1JK1MN0PQRSTUVWXYZ011")
ALIKE = {"0": "[0O]", "1": "[1IL]"}
HIDDEN = "…"
# The same for ASCII in one go: spaces, control characters and dashes fall away.
ASCII_FOLD = {**FOLD, **dict.fromkeys([*range(33), 127, ord("-")])}


def canonical(typed: str) -> str:
    """The one form under which a code is stored and found. Raises CodeFormatInvalid.

    Codes that differ only in O and 0, or in I, L and 1, or in case, dashes and spaces, are the same code.
    """
    folded = typed.translate(ASCII_FOLD) if typed.isascii() else folded_by_character(typed)
    if not CANONICAL.fullmatch(folded):
        raise CodeFormatInvalid
    return folded


def folded_by_character(typed: str) -> str:
    """What is left of a text that is not all ASCII. Raises CodeFormatInvalid on a letter that only looks like one of ours."""
    for character in typed:
        # Full-width forms may become ASCII; other letters that compatibility rules would turn into it are not those letters.
        if ord(character) > 127 and ord(character) not in FULL_WIDTH:
            folded = unicodedata.normalize("NFKC", character)
            if folded.isascii() and folded.strip() and folded not in DASHES:
                raise CodeFormatInvalid
    kept = (
        character
        for character in unicodedata.normalize("NFKC", typed)
        if not (character.isspace() or character in DASHES or unicodedata.category(character) in ("Cc", "Cf"))
    )
    return "".join(kept).translate(FOLD)


def without(form: str, text: str) -> str:
    """The text with every spelling of the code of this canonical form left out, so that it can be kept readable."""
    between = f"[{''.join(map(re.escape, sorted(DASHES)))}\\s]*"
    spelt = between.join(ALIKE.get(symbol, re.escape(symbol)) for symbol in form)
    return re.sub(spelt, HIDDEN, text, flags=re.IGNORECASE)


def canonical_all(drawn: Sequence[str]) -> list[str]:
    """``canonical`` of codes that were drawn here: of ASCII letters, digits, dots, underscores and dashes alone."""
    return "\n".join(drawn).replace("-", "").translate(FOLD).split("\n") if drawn else []


def shown(code: Code) -> str:
    """The form people see, with its own letters and dashes."""
    return keys.unseal(code.site_id, code.key_version, code.sealed)


def find_code(site_id: int, typed: str) -> Code | None:
    """The site's code, whatever its spelling; None if there is none that was issued to the end. For staff and lists."""
    if len(typed) > LONGEST_TYPED:
        return None  # Cut down to the limit it could become a code that nobody typed.
    try:
        form = canonical(typed)
    except CodeFormatInvalid:
        return None
    return Code.objects.filter(matching(site_id, form), order__state=IssueOrder.State.DONE).first()


def matching(site_id: int, form: str) -> Q:
    """The rows that carry this canonical form under any live key version."""
    odd, even = keys.lookup_columns(site_id, form)
    condition = Q()
    if odd:
        condition |= Q(site_id=site_id, lookup_odd=odd)
    if even:
        condition |= Q(site_id=site_id, lookup_even=even)
    return condition
