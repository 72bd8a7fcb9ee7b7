"""Logging: one JSON line an event, on standard output, with nothing in it that could be a code, a key or a secret."""

import re
from typing import Any

import structlog

# Whatever could hold what somebody typed. Paths lose what follows /redeem/ and /add/, for links carry codes, and what follows a
# publisher's /redemptions/: no pattern can tell a batch's name, with spaces and slashes in it, from a code.
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
KEY_IN_TEXT = re.compile(r"\brk[0-9a-f]{12}\.[\w-]{20,}")
QUERY_IN_TEXT = re.compile(r"(/[^\s?\"']*)\?[^\s\"']+")


def redact_text(text: str) -> str:
    """The text without API keys, query strings and codes in paths."""
    text = CODE_IN_ADMIN_PATH.sub(r"\1[code]", KEY_IN_TEXT.sub("[key]", text))
    text = QUERY_IN_TEXT.sub(r"\1?[query]", text)
    return CODE_IN_PATH.sub(r"\1[code]", text)


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
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"},
            "ready": {"class": "logging.StreamHandler", "formatter": "ready", "stream": "ext://sys.stdout"},
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # One line per request, which edge/request_log.py writes redacted and as JSON: a hot path has no time for more.
            "redemption_site.requests": {"handlers": ["ready"], "propagate": False, "level": level},
            "django": {"handlers": [], "propagate": True, "level": level},
            "django.server": {"handlers": [], "propagate": True, "level": "WARNING"},
        },
    }
