"""The platform's settings with what only tests may have: a clock that can be moved, guards that can be taken out.

A test's child processes (granian, Celery, the poller) use this module too, so all of it is read from the environment.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

# ``python3 run.py test`` names a folder and a database. A bare pytest gets a folder of its own, and SQLite in it.
if "VAR_DIR" not in os.environ:
    folder = tempfile.mkdtemp(prefix="redemption-test-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["VAR_DIR"] = folder

from redemption_site.settings import *  # noqa: F403
from redemption_site.settings import DATABASE, VAR_DIR

# Seconds by which accounts/clock.py is moved, so that no test waits out a period.
CLOCK_OFFSET_SECONDS = float(os.environ.get("TEST_CLOCK_OFFSET", "0"))
# Guards that are taken out, so that a test can show the fault which the guard prevents: accounts/defects.py.
DEFECTS = frozenset(filter(None, os.environ.get("TEST_DEFECTS", "").split(",")))

if DATABASE["ENGINE"] == "django.db.backends.sqlite3":
    # A file: threads and child processes cannot share a database in memory. Each xdist worker has its own.
    DATABASE["TEST"] = {"NAME": str(Path(VAR_DIR) / "test.sqlite3")}
else:
    # How long a request may take is promised on a machine of its own. Tests share theirs, and never assert a time.
    DATABASE["OPTIONS"]["options"] += " -c statement_timeout=60s -c idle_in_transaction_session_timeout=60s"

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # A slow hash guards nothing here.
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
