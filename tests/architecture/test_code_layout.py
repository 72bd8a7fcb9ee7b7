"""What keeps the code findable: files of one subject, named after it, and no clock but the database's."""

import re
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)
PACKAGES = ("redemption_site", "codes", "ledger", "accounts")
LONGEST = 320  # About 300 lines: past that a file has two subjects.


def sources() -> list[Path]:
    found = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts]
    assert len(found) > 50
    return found


def test_no_file_is_longer_than_one_subject():
    assert {str(path): n for path in sources() if (n := len(path.read_text().splitlines())) > LONGEST} == {}


def test_no_file_is_named_after_no_subject():
    vague = {"utils.py", "helpers.py", "services.py", "common.py", "misc.py"}
    assert [path for path in sources() if path.name in vague] == []


def test_no_decision_reads_a_clock_of_its_own():
    wrong = re.compile(r"timezone\.now\(|datetime\.now\(|utcnow\(|time\.time\(|functions import.*\bNow\b")
    found = {path.relative_to(ROOT).as_posix() for path in sources() if wrong.search(path.read_text())}
    # A log line tells the time of the machine that wrote it; nothing is decided by it.
    assert found <= {"redemption_site/edge/request_log.py"}


def test_row_locks_are_taken_in_one_place_only():
    lock = re.compile(r"(?<!locking)\.select_for_update\(|FOR (NO KEY )?UPDATE")
    places = {path.relative_to(ROOT).as_posix() for path in sources() if lock.search(path.read_text())}
    # Hot deeds hand their own statements to locking.select_for_update; only locking.py has the clause.
    assert places == {"accounts/locking.py"}


def test_migrations_import_nothing_of_the_apps():
    imports = re.compile(r"^(from|import) (codes|ledger|accounts|redemption_site)\b", re.MULTILINE)
    migrations = [path for package in PACKAGES for path in (ROOT / package).glob("migrations/0*.py")]
    assert migrations
    found = {str(path): imports.findall(path.read_text()) for path in migrations}
    # Defaults that are drawn: of a user's names, and of the IDs of members and households. Django writes them into migrations.
    drawn = ("accounts/migrations/0001", "accounts/migrations/0006")
    assert {path for path, names in found.items() if names and not any(each in path for each in drawn)} == set()
