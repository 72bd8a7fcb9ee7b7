"""The words of the access codes protocol: a JSON body → what a deed takes; a code → its record. Its vocabulary ends here.

Values are checked in the order of the contract's table, and the first that is wrong is told. They are checked and never converted.
"""

import json
import re
from collections.abc import Callable, Collection
from typing import Any, NoReturn
from urllib.parse import quote

from django.http import HttpRequest

from accounts.matching import PARTS, InvalidTerm, read_terms
from accounts.offering import AccessId
from codes.actions.offers import LONGEST_TERM, MOST_TERMS
from codes.changing import MOST_USES, UNCHANGED
from codes.content_changing import ContentChange
from codes.content_codes import PARAMETERS, ContentCode
from codes.content_issuing import MOST_CODES
from codes.content_terms import Opens
from redemption_site.edge import parsing
from redemption_site.protocols.access_codes.answers import NOT_AN_OBJECT, Refused
from redemption_site.protocols.access_codes.dates import read_expiration, write_expiration, write_instant

LARGEST_BODY = 262_144
DEFAULT_BATCH = "default"
LONGEST_NAME = 100
LONGEST_TEXT = 100  # With its dashes: a longer one could not be typed anywhere.
ACTION_TYPES = {
    "add-user-tag": "add_tags",
    "apply-offer": "apply_offer",
    "session-license": "session_license",
    "apply-offer-match": "apply_offer_match",
    "session-license-match": "session_license_match",
}
TYPE_OF_ACTION = {action: action_type for action_type, action in ACTION_TYPES.items()}
FIELD_OF = {"tags": "user-tags", "access_control": "access-control-id", "match": "match-specification"}
CODE = re.compile(r"[0-9A-Za-z_-]+", re.ASCII)

Body = dict[str, Any]
KnowsOffer = Callable[[AccessId], bool]


def refuse(message: str) -> NoReturn:
    raise Refused(400, message)


def read_body(request: HttpRequest) -> Body:
    """The JSON object. A missing media type and any kind of text are taken for JSON. Raises Refused and the edge's refusals."""
    kind = request.content_type or "text/plain"
    if not kind.startswith("text/") and not parsing.is_json(request):
        raise parsing.UnsupportedMediaType
    found = parsing.parse_json(parsing.read_body(request, LARGEST_BODY))
    if not isinstance(found, dict):
        raise Refused(*NOT_AN_OBJECT)
    return found


def read_new_codes(body: Body, knows_offer: KnowsOffer) -> dict[str, Any]:
    """The fields of NewContentCodes that the body says. A field that is null counts as absent. Raises Refused."""
    given = {name: value for name, value in body.items() if value is not None}
    action = read_action(given)
    count = given.get("number-of-codes", 1)
    if not is_whole(count, 1, MOST_CODES):
        refuse(f"number-of-codes must be an integer between 1 and {MOST_CODES}")
    found = {
        "action": action,
        "count": count,
        "uses": read_uses(given.get("remaining-redemptions", 1), 1),
        "is_active": read_truth(given.get("is-valid", True)),
        "batch": read_batch(given.get("batch", DEFAULT_BATCH)),
        "valid_until": read_date(given["expiration-date"]) if "expiration-date" in given else None,
        "opens": Opens(
            tags=read_tags(given.get("user-tags")) if "tags" in PARAMETERS[action] else UNCHANGED,
            access_control=read_access(given, action, knows_offer),
            match=read_match(given, action),
        ),
    }
    return found | {"text": read_code(given, count)}


def read_change(body: Body, actions: Collection[str], knows_offer: KnowsOffer) -> ContentChange:
    """What the body changes of codes of these actions; what none of them uses is ignored. Raises Refused.

    Null clears the expiration date, and is no value of any other field.
    """
    used = {name for action in actions for name in PARAMETERS[action]}
    uses = read_uses(body["remaining-redemptions"], 0) if "remaining-redemptions" in body else UNCHANGED
    is_active = read_truth(body["is-valid"]) if "is-valid" in body else UNCHANGED
    batch = read_batch(body["batch"]) if "batch" in body else UNCHANGED
    valid_until = UNCHANGED
    if "expiration-date" in body:
        valid_until = None if body["expiration-date"] is None else read_date(body["expiration-date"])
    tags = access_control = match = UNCHANGED
    if "tags" in used and "user-tags" in body:
        tags = read_tags(body["user-tags"])
    if "access_control" in used and "access-control-id" in body:
        access_control = check_access(body["access-control-id"], knows_offer)
    if "match" in used and "match-specification" in body:
        match = check_match(body["match-specification"])
    return ContentChange(
        is_active=is_active,
        uses_left=uses,
        valid_until=valid_until,
        batch=batch,
        opens=Opens(tags=tags, access_control=access_control, match=match),
    )


def read_action(given: Body) -> str:
    if "action-type" not in given:
        refuse("action-type is required")
    asked = given["action-type"]
    if not isinstance(asked, str) or asked not in ACTION_TYPES:
        refuse(f"Unknown action-type: {shown(asked)}")
    return ACTION_TYPES[asked]


def read_uses(asked: Any, fewest: int) -> int:
    if not is_whole(asked, fewest, MOST_USES):
        refuse(f"remaining-redemptions must be an integer between {fewest} and {MOST_USES}")
    return int(asked)


def read_truth(asked: Any) -> bool:
    if not isinstance(asked, bool):
        refuse("is-valid must be true or false")
    return asked


def read_batch(asked: Any) -> str:
    name = asked.strip() if isinstance(asked, str) else ""
    if not 1 <= len(name) <= LONGEST_NAME:
        refuse(f"batch must be a string of 1 to {LONGEST_NAME} characters")
    return name


def read_date(asked: Any) -> Any:
    try:
        return read_expiration(asked if isinstance(asked, str) else "")
    except ValueError:
        refuse("expiration-date is not a valid date")


def read_tags(asked: Any) -> list[str]:
    """Trimmed, each once, in their order."""
    tags = [each.strip() if isinstance(each, str) else "" for each in asked] if isinstance(asked, list) else []
    if not tags or not all(1 <= len(tag) <= LONGEST_NAME for tag in tags):
        refuse("user-tags must be a non-empty array of strings")
    return list(dict.fromkeys(tags))


def read_access(given: Body, action: str, knows_offer: KnowsOffer) -> Any:
    if "access_control" not in PARAMETERS[action]:
        return UNCHANGED
    if "access-control-id" not in given:
        refuse(f"access-control-id is required for {TYPE_OF_ACTION[action]}")
    return check_access(given["access-control-id"], knows_offer)


def check_access(asked: Any, knows_offer: KnowsOffer) -> AccessId:
    """Text is an offer's external ID, a number an offer's or a licence's, and each is given back as it was given."""
    if isinstance(asked, bool) or not isinstance(asked, str | int):
        refuse("access-control-id must be a string or an integer")
    if not knows_offer(asked):
        refuse(f"No such offer: {shown(asked)}")
    return asked


def read_match(given: Body, action: str) -> Any:
    if "match" not in PARAMETERS[action]:
        return UNCHANGED
    if "match-specification" not in given:
        refuse(f"match-specification is required for {TYPE_OF_ACTION[action]}")
    return check_match(given["match-specification"])


def check_match(asked: Any) -> dict[str, list[str]]:
    """The parts that have terms; anything else that a search might have is left out."""
    given = {part: asked[part] for part in PARTS if part in asked} if isinstance(asked, dict) else {}
    if not given or not all(
        isinstance(terms, list) and all(isinstance(term, str) for term in terms) for terms in given.values()
    ):
        refuse("match-specification must contain all, any or excluded as arrays of strings")
    parts = {part: terms for part, terms in given.items() if terms}
    if not parts.get("all") and not parts.get("any"):
        refuse("match-specification must contain at least one term in all or any")
    terms = [term for part in parts.values() for term in part]
    try:
        read_terms(parts)
        if too_long := [term for term in terms if len(term) > LONGEST_TERM]:
            raise InvalidTerm(too_long[0])
    except InvalidTerm as error:
        refuse(f"Invalid search term: {error.term}")
    if len(terms) > MOST_TERMS:
        refuse(f"match-specification must contain at most {MOST_TERMS} terms")
    return parts


def read_code(given: Body, count: int) -> str | None:
    """A code that is given as it is: 4 to 64 characters, dashes not counted."""
    if "access-code" not in given:
        return None
    if count != 1:
        refuse("access-code can only be given for a single code")
    text = given["access-code"]
    if not isinstance(text, str) or not CODE.fullmatch(text) or not 4 <= len(text.replace("-", "")) <= 64:
        refuse("access-code is not valid")
    if len(text) > LONGEST_TEXT:
        refuse("access-code is not valid")
    return text


def is_whole(asked: Any, least: int, most: int) -> bool:
    return isinstance(asked, int) and not isinstance(asked, bool) and least <= asked <= most


def shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def write_record(code: ContentCode, domain: str, target_url: str | None) -> Body:
    """The code's record; with a ``target_url``, be it empty, also the address where it is redeemed."""
    record: Body = {"access-code": code.text}
    if "access_control" in PARAMETERS[code.action]:
        record["access-control-id"] = code.parameters["access_control"]
    record |= {"action-type": TYPE_OF_ACTION[code.action], "batch": code.batch}
    if code.valid_until is not None:
        record["expiration-date"] = write_expiration(code.valid_until)
    record["is-valid"] = code.is_active
    if "match" in PARAMETERS[code.action]:
        record["match-specification"] = code.parameters["match"]
    if code.redeemed_by is not None:
        record["redeemed-users"] = code.redeemed_by
    if target_url is not None:
        record["redemption-url"] = redemption_url(code.text, domain, target_url)
    record["remaining-redemptions"] = code.uses_left
    if code.last_redeemed_at is not None:
        record["used-date"] = write_instant(code.last_redeemed_at)
    if "tags" in PARAMETERS[code.action]:
        record["user-tags"] = code.parameters["tags"]
    return record


def redemption_url(text: str, domain: str, target_url: str) -> str:
    success = f"&successUrl={quote(target_url, safe='')}" if target_url else ""
    return f"https://{domain}/add?redemptionCode={quote(text, safe='')}{success}"


def write_batch(name: str, slug: str) -> Body:
    return {"batch": name, "url": f"/admin-api/{slug}/redemptions/{quote(name, safe='')}"}
