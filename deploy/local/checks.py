"""The checks that need no server: format, lint, types, templates, layers, migrations, deployment."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.environment import PYTHON, VENV
from deploy.local.places import ROOT


@dataclass(frozen=True)
class Step:
    """One command of the suite."""

    name: str
    argv: list[str]
    env: Mapping[str, str] = field(default_factory=dict)


def list_checks(data_folder: Path) -> list[Step]:
    """The checks in their order; those that start Django find an empty place for data in the folder."""
    django = {"VAR_DIR": str(data_folder), "DATABASE_URL": f"sqlite:///{data_folder}/checks.sqlite3"}
    python = str(PYTHON)
    return [
        Step("format", [python, "-m", "ruff", "format", "--check", "."]),
        Step("lint", [python, "-m", "ruff", "check", "."]),
        Step("types", [python, "-m", "mypy"], django),
        *_template_checks(python),
        Step("layers", [str(VENV / "bin" / "lint-imports")], django),
        Step("migrations", [python, "manage.py", "makemigrations", "--check", "--dry-run"], django),
        Step(
            "deployment",
            [python, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
            {**django, **production_environment()},
        ),
    ]


def production_environment() -> dict[str, str]:
    """An environment that production accepts, with keys nobody has seen before."""
    return {
        "MODE": "production",
        "HTTPS": "true",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "PEPPER": secrets.token_urlsafe(64),
        "CODE_KEYS": f"1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
    }


def _template_checks(python: str) -> list[Step]:
    folders = sorted(str(folder.relative_to(ROOT)) for folder in ROOT.glob("*/templates") if folder.is_dir())
    if not folders:
        return []
    return [
        Step("template format", [python, "-m", "djlint", "--check", *folders]),
        Step("templates", [python, "-m", "djlint", "--quiet", "--lint", *folders]),
    ]
