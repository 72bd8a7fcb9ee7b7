"""What the desk's deeds about codes have in common."""

from accounts.admin.deeds import Deed
from accounts.refusals import Refusal
from codes.admin.words import refusal_said


class CodesDeed(Deed):
    """A deed about codes, whose refusals are told in words."""

    def say(self, refusal: Refusal) -> str:
        return refusal_said(refusal)
