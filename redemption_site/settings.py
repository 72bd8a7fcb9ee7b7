"""One settings module for every place: it reads the environment, is safe when nothing is set, and has no production twin.

With nothing set the site runs in demo mode: an embedded SQLite database under var/, demo keys, and only loopback host
names are answered. ``MODE=production`` refuses to start on demo keys. README lists every variable; a test compares.
"""

import base64
import hashlib
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from redemption_site import admin_theme, logs

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))

MODE = env.str("MODE", default="demo")
if MODE not in ("demo", "production"):
    raise ImproperlyConfigured(f"MODE is {MODE!r}; it must be 'demo' or 'production'.")
PRODUCTION = MODE == "production"


def demo_key(purpose: str) -> str:
    """A key anyone can compute, so that a first start needs no set-up; production refuses every one of them."""
    return base64.b64encode(hashlib.sha256(f"demo only: {purpose}".encode()).digest()).decode()


def read_key_versions(text: str, variable: str) -> dict[int, bytes]:
    """Read ``1:<base64>,2:<base64>`` into {version: 32 key bytes}; at most two versions, whose numbers follow each other."""
    versions: dict[int, bytes] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        number, _, encoded = part.partition(":")
        try:
            versions[int(number)] = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise ImproperlyConfigured(f"{variable} must read 1:<base64>,2:<base64>.") from error
    if not versions or any(len(key) != 32 for key in versions.values()):
        raise ImproperlyConfigured(f"{variable} must hold one or two keys of 32 bytes each, in base64.")
    if max(versions) - min(versions) != len(versions) - 1 or len(versions) > 2 or min(versions) < 1:
        raise ImproperlyConfigured(f"{variable} must hold one key version, or two that follow each other.")
    return versions


# Keys. CODE_KEYS finds and seals codes; SECRET_KEY signs sessions; PEPPER keys the hashes of API secrets and digests.
SECRET_KEY = env.str("SECRET_KEY", default=demo_key("secret"))
PEPPER = env.str("PEPPER", default=demo_key("pepper")).encode()
CODE_KEYS = read_key_versions(env.str("CODE_KEYS", default=f"1:{demo_key('codes')}"), "CODE_KEYS")

if PRODUCTION:
    demo_values = {
        "SECRET_KEY": demo_key("secret") == SECRET_KEY,
        "PEPPER": demo_key("pepper").encode() == PEPPER,
        "CODE_KEYS": base64.b64decode(demo_key("codes")) in CODE_KEYS.values(),
    }
    if any(demo_values.values()):
        names = ", ".join(name for name, is_demo in demo_values.items() if is_demo)
        raise ImproperlyConfigured(f"MODE=production refuses to start on demo keys: set {names}.")
    if len(SECRET_KEY) < 32 or len(PEPPER) < 32:
        raise ImproperlyConfigured("MODE=production needs SECRET_KEY and PEPPER of at least 32 characters each.")

DEBUG = False
# Which host names are answered follows Site.domain: redemption_site/edge/hosts.py refuses the others.
ALLOWED_HOSTS = ["*"]
DEFAULT_SITE = env.str("DEFAULT_SITE", default="")
HTTPS = env.bool("HTTPS", default=PRODUCTION)
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)
# What stands before /client/ and /oauth/ in the loyalty protocol's addresses, as "points/" or nothing.
LOYALTY_PREFIX = "".join(f"{part}/" for part in env.str("LOYALTY_PREFIX", default="").split("/") if part)
LOYALTY_PLACES = (f"/{LOYALTY_PREFIX}client/", f"/{LOYALTY_PREFIX}oauth/")

INSTALLED_APPS = [
    "redemption_site",
    "codes",
    "ledger",
    "accounts",
    # The desk takes the place of Unfold's own admin site, which the plain entry would set.
    "unfold.apps.BasicAppConfig",
    "redemption_site.admin_config.DeskConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "redemption_site.edge.request_log.RequestLogMiddleware",
    "redemption_site.edge.connections.TrustMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "redemption_site.edge.hosts.SiteMiddleware",
    "redemption_site.edge.policies.PolicyMiddleware",
    "redemption_site.edge.page_lane.PagePolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "redemption_site.edge.page_lane.PageLanguage",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "redemption_site.edge.page_lane.PageMessages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "redemption_site.edge.failures.OutageMiddleware",
]

ROOT_URLCONF = "redemption_site.urls"
WSGI_APPLICATION = "redemption_site.wsgi.application"
APPEND_SLASH = False  # A POST answered by a redirect loses its body; every route is written with and without the slash.

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# The database. DATABASE_URL cannot say every option, so the ones that reliability needs are added here.
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'redemption.sqlite3'}")
}
DATABASE = DATABASES["default"]
DATABASE["ATOMIC_REQUESTS"] = False  # A redemption begins and ends in the engine.
if DATABASE["ENGINE"] == "django.db.backends.sqlite3":
    # BEGIN IMMEDIATE is the lock of SQLite: without it 43 % of contended transactions fail with "database is locked".
    DATABASE["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 8,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON",
    }
    DATABASE["CONN_MAX_AGE"] = None
else:
    DATABASE["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
    DATABASE["CONN_HEALTH_CHECKS"] = True
    DATABASE.setdefault("OPTIONS", {}).update(
        # Only the hot statements are prepared: they use a cursor of their own (accounts/prepared.py). 0 turns it off, for
        # connection poolers that share a server connection between clients.
        prepare_threshold=env.int("PREPARE_THRESHOLD", default=3) or None,
        connect_timeout=3,
        tcp_user_timeout=10_000,
        options=(
            f"-c statement_timeout={env.int('STATEMENT_TIMEOUT_SECONDS', default=5)}s"
            " -c lock_timeout=2s -c idle_in_transaction_session_timeout=10s"
            # Of prepared statements, which are all look-ups by index: planning them anew each time costs more than running them.
            " -c plan_cache_mode=force_generic_plan"
        ),
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Background work: the database is the queue, the broker only a doorbell.
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default=f"redis+socket://{VAR_DIR / 'valkey.sock'}")
CELERY_DB_REUSE_MAX = 10_000  # Celery drops the connection after every task otherwise, which is six times slower.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SOFT_TIME_LIMIT = 25
CELERY_TASK_TIME_LIMIT = 28  # Below the lease of 30 s, so that no two workers hold one row.
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 60,
    "socket_timeout": 2,
    "socket_connect_timeout": 1,
    # One try: a doorbell that is not heard must not keep anybody waiting.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BEAT_SCHEDULE = {
    "heartbeat": {"task": "codes.heartbeat", "schedule": 5.0, "options": {"expires": 5}},
    "work due jobs": {"task": "codes.work_due_jobs", "schedule": 10.0, "options": {"expires": 10}},
    "drain advices": {"task": "codes.drain_advices", "schedule": 2.0, "options": {"expires": 2}},
    "send receipts": {"task": "codes.send_receipts", "schedule": 10.0, "options": {"expires": 10}},
    "replenish": {"task": "codes.replenish", "schedule": 30.0, "options": {"expires": 30}},
    "sweep expired": {"task": "codes.sweep_expired", "schedule": 60.0, "options": {"expires": 60}},
    "sweep holds": {"task": "codes.sweep_holds", "schedule": 30.0, "options": {"expires": 30}},
    "settle due": {"task": "codes.settle_due", "schedule": 30.0, "options": {"expires": 30}},
    "discard forgotten imports": {
        "task": "codes.discard_forgotten_imports",
        "schedule": 600.0,
        "options": {"expires": 600},
    },
    "sum batches": {"task": "codes.sum_batches", "schedule": 60.0, "options": {"expires": 60}},
    "tidy advice tallies": {"task": "codes.tidy_advice_tallies", "schedule": 60.0, "options": {"expires": 60}},
    "re-seal": {"task": "codes.reseal", "schedule": 300.0, "options": {"expires": 300}},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")

# People and pages.
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.signing_in.EmailBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/sign-in"
LOGIN_REDIRECT_URL = "/redeem"
LOGOUT_REDIRECT_URL = "/redeem"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = False  # The proxy in front redirects; a POST must not be answered by a redirect.
SILENCED_SYSTEM_CHECKS = ["security.W008"]  # Which asks for that redirect.
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_REFERRER_POLICY = "no-referrer"  # A code in a link must not reach another site.
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ["/admin/", "/api/"],  # Those have policies of their own: edge/policies.py.
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000
FILE_UPLOAD_HANDLERS = [
    "redemption_site.edge.uploads.MemoryUpload"
]  # Codes never rest readable, not even as an upload.

if env.str("EMAIL_URL", default=""):
    vars().update(env.email_url("EMAIL_URL"))
else:
    # Into a folder and never to the console: a mail names its code, and what is printed becomes a log.
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = VAR_DIR / "mail"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="receipts@localhost")

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "redemption_site" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT: Path | None = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
if not PRODUCTION:
    # A demo serves files where they lie: nothing to collect before the first page.
    STATIC_ROOT = None
    WHITENOISE_USE_FINDERS = True
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["redemption_site.edge.authentication.CallerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["redemption_site.edge.authentication.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["redemption_site.edge.rendering.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["redemption_site.edge.parsing.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "redemption_site.edge.rendering.OneRepresentation",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "redemption_site.api.problems.handle",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Redemption platform",
    "DESCRIPTION": "Issue codes of every kind and redeem each of them exactly once.",
    "VERSION": "1",
    "LICENSE": {"name": "Apache-2.0"},
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"persistAuthorization": False},
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["redemption_site.api.schema.without_slashed"],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "BatchState": "codes.models.Batch.State",
        "CodeState": "codes.models.Code.State",
        "OrderState": "codes.models.IssueOrder.State",
        "ReservationState": ["open", "consumed", "released", "expired"],
        "AccountKind": ["cash", "points"],
        "AccountState": ["open", "credit_only", "closed"],
        "GrantKind": ["campaign", "correction"],
        "KindEnum": "codes.models.BatchEdit.Kind",
        **{f"Says{word.title()}": [word] for word in ("redeemed", "failed", "valid", "invalid")},
    },
}

UNFOLD = admin_theme.UNFOLD

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING = logs.configuration(LOG_LEVEL)
