"""The README lists every variable that the settings read, and no other."""

import re
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)


def variables_read() -> set[str]:
    source = (ROOT / "redemption_site" / "settings.py").read_text()
    return set(re.findall(r"""env\.\w+\(\s*['"](\w+)['"]""", source))


def variables_documented() -> set[str]:
    section = (ROOT / "README.md").read_text().split("## Settings")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


def test_the_readme_lists_every_variable_and_no_other():
    assert variables_read() == variables_documented()
    assert len(variables_read()) > 10


def test_every_package_has_a_readme_that_the_first_one_links_to():
    first = (ROOT / "README.md").read_text()
    for package in ("redemption_site", "codes", "ledger", "accounts", "bench", "deploy"):
        assert (ROOT / package / "README.md").is_file(), package
        assert f"({package}/README.md)" in first
