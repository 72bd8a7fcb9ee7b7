"""The tests' settings for processes that send mail: each message becomes a file, so that every one that went out is seen."""

from tests.settings import *  # noqa: F403
from tests.settings import VAR_DIR

EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = VAR_DIR / "mail"
