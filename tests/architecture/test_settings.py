"""Settings are safe when nothing is set, and production refuses demo keys. Each case is a fresh interpreter."""

import base64
import os
import subprocess
import sys

import pytest
from django.conf import settings

KEYS = {
    "SECRET_KEY": "a-secret-key-of-more-than-thirty-two-characters",
    "PEPPER": "a-pepper-of-more-than-thirty-two-characters-too",
    "CODE_KEYS": f"1:{base64.b64encode(b'k' * 32).decode()}",
}


def load(expression: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Read the settings in an interpreter of its own and print one expression of them."""
    return subprocess.run(
        [sys.executable, "-c", f"from redemption_site import settings as s; print(({expression}))"],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_with_nothing_set_debug_is_off_and_cookies_are_kept_from_scripts():
    result = load("s.DEBUG, s.MODE, s.SESSION_COOKIE_HTTPONLY, s.DATABASE['ENGINE'].split('.')[-1]")
    assert result.stdout.strip() == "(False, 'demo', True, 'sqlite3')", result.stderr


def test_production_starts_with_keys_of_its_own():
    result = load("s.PRODUCTION, s.SESSION_COOKIE_SECURE", MODE="production", **KEYS)
    assert result.stdout.strip() == "(True, True)", result.stderr


@pytest.mark.parametrize("missing", sorted(KEYS))
def test_production_refuses_to_start_on_a_demo_key(missing):
    result = load("s.MODE", MODE="production", **{name: key for name, key in KEYS.items() if name != missing})
    assert result.returncode != 0
    assert f"refuses to start on demo keys: set {missing}" in result.stderr


def test_production_refuses_the_demo_key_given_by_hand():
    demo = load("s.demo_key('codes')").stdout.strip()
    result = load("s.MODE", MODE="production", **{**KEYS, "CODE_KEYS": f"1:{demo}"})
    assert "set CODE_KEYS" in result.stderr


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("1:c2hvcnQ=", "must hold one or two keys of 32 bytes"),
        ("nonsense", "must read 1:<base64>"),
        (f"1:{base64.b64encode(b'a' * 32).decode()},3:{base64.b64encode(b'b' * 32).decode()}", "follow each other"),
        ("", "must hold one or two keys"),
    ],
)
def test_unreadable_code_keys_are_refused_with_a_sentence(value, sentence):
    result = load("s.MODE", CODE_KEYS=value)
    assert result.returncode != 0
    assert sentence in result.stderr


def test_an_unknown_mode_is_refused():
    assert "it must be 'demo' or 'production'" in load("s.MODE", MODE="prod").stderr
