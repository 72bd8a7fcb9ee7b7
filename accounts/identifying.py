"""From what a shop sends to one person. Source: prepaid engine, section 5."""

import datetime as dt

from accounts.models import Person, Site


class IdentificationRefused(Exception):
    """Nobody was identified; each kind has a return code of its own."""


class DefaultVisitor(IdentificationRefused):
    """Nothing can be stored for the default UniqueID."""


class SettingsMissing(IdentificationRefused):
    """A visitor must be made, and the site does not say in which language and currency."""


class PersonTypeUnusable(IdentificationRefused):
    """The type is unknown, or its settings name nothing by which a person could be identified."""


class SeparatorMissing(IdentificationRefused):
    """Several values are needed, and nothing separates what was sent."""


class NotIdentified(IdentificationRefused):
    """No person, more than one, or one who is switched off; never told which."""


class TooManyFailures(IdentificationRefused):
    """Ten failures in 15 minutes; ``seconds`` until the window is over."""

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self.seconds = seconds


def identify(
    site: Site,
    *,
    person_type: int,
    unique_id: str,
    values: str | None,
    separator: str,
    now: dt.datetime | None = None,
) -> Person:
    """The person, with their user; the visitor is linked to them. Raises IdentificationRefused."""
    raise NotImplementedError
