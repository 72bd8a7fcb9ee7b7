"""For whom a code is: for an account, or for the browser that redeems it."""

from codes.actions.registry import ACTIONS
from codes.lookup import find_code


def is_session_code(site_id: int, typed: str) -> bool:
    """Whether the site has this code and it is redeemed for a browser. A hint for the door: the engine judges it anew.

    Whoever asks has looked at the budget of guesses first, and redeems next, which counts a code that nobody knows.
    """
    code = find_code(site_id, typed)
    return code is not None and ACTIONS[code.terms.action].for_browser
