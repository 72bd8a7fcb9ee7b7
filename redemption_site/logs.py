"""Logging: one JSON line an event, on standard output, with nothing in it that could be a code, a key or a secret."""

import logging
import re
from typing import Any
from urllib.parse import unquote

import structlog

# Whatever could hold what somebody typed. Paths lose what follows /redeem/ and /add/, for links carry codes, and what follows a
# publisher's /redemptions/: no pattern can tell a batch's name, with spaces and slashes in it, from a code. Of the loyalty
# protocol's paths only a GUID is left, which is the ID of a session or an account, and the name of the call: before it may stand
# an address or a telephone number, and behind it the token of a reservation.
SECRET_FIELDS = frozenset(
    {
        "authorization",
        "body",
        "code",
        "cookie",
        "idempotency_key",
        "key",
        "password",
        "query",
        "query_string",
        "secret",
        "token",
    }
)
CODE_IN_PATH = re.compile(r"(/(?:redeem|add)/|\bredemptionCode=)[^/?&\s]+")
CODE_IN_ADMIN_PATH = re.compile(r"(/admin-api/(?:[^/]*/)?redemptions/).+", re.DOTALL)
LOYALTY_PATH = re.compile(r"(/client/+users/+)(.+)", re.DOTALL | re.IGNORECASE)
LOYALTY_CALL = re.compile(r"(.*?)/(adhoc-redemption|reservations|sessions|void)(|/.*)", re.DOTALL)
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
KEY_IN_TEXT = re.compile(r"\brk[0-9a-f]{12}\.[\w-]{20,}")
QUERY_IN_TEXT = re.compile(r"(/[^\s?\"']*)\?[^\s\"']+")


def redact_text(text: str) -> str:
    """The text without API keys, query strings and codes in paths."""
    text = CODE_IN_ADMIN_PATH.sub(r"\1[code]", KEY_IN_TEXT.sub("[key]", text))
    text = LOYALTY_PATH.sub(lambda found: found[1] + redact_call(found[2]), text)
    text = QUERY_IN_TEXT.sub(r"\1?[query]", text)
    return CODE_IN_PATH.sub(r"\1[code]", text)


def redact_call(path: str) -> str:
    """What follows /client/users/, without whoever is no GUID, and without the token of a reservation."""
    parts = LOYALTY_CALL.fullmatch(path)
    if parts is None:
        return "[redacted]"
    who, call, behind = parts.groups()
    shown_who = who if GUID.fullmatch(who) else "[member]"
    return f"{shown_who}/{call}" + (behind if behind in ("", "/") else "/[token]")


class RedactAccess(logging.Filter):
    """The web server's own access log, should somebody turn it on: its paths are as they were sent, with every escape."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, dict) and isinstance(record.args.get("path"), str):
            record.args = {**record.args, "path": redact_text(unquote(record.args["path"]))}
        return True


def redact(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    """The one filter every log line passes, ours and the libraries'."""
    for name, value in event.items():
        if name.lower() in SECRET_FIELDS:
            event[name] = "[redacted]"
        elif isinstance(value, str):
            event[name] = redact_text(value)
    return event


SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    redact,
]


def configuration(level: str) -> dict[str, Any]:
    """Django's LOGGING: every logger writes JSON through the redacting filter. Also sets structlog up."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "ready": {"format": "%(message)s"},
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    redact,
                    structlog.processors.JSONRenderer(),
                ],
            },
        },
        "filters": {"access": {"()": RedactAccess}},
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"},
            "ready": {"class": "logging.StreamHandler", "formatter": "ready", "stream": "ext://sys.stdout"},
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # One line per request, which edge/request_log.py writes redacted and as JSON: a hot path has no time for more.
            "redemption_site.requests": {"handlers": ["ready"], "propagate": False, "level": level},
            "granian.access": {"handlers": ["ready"], "filters": ["access"], "propagate": False, "level": "INFO"},
            "django": {"handlers": [], "propagate": True, "level": level},
            "django.server": {"handlers": [], "propagate": True, "level": "WARNING"},
        },
    }
