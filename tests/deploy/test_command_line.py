"""What goes wrong outside the code is said in one sentence, without a traceback."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import run
from deploy.local import debian, environment
from deploy.local.places import ROOT
from deploy.local.trouble import Trouble


def run_demo(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "run.py", "demo", *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def assert_one_sentence(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stderr.strip().endswith(".")
    assert all(word in result.stderr for word in words), result.stderr


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 6, 15), (3, 10, 13, "final", 0)])
def test_an_old_python_is_refused_by_its_version(version: tuple[object, ...]) -> None:
    sentence = run.refuse_old_python(version)

    assert sentence is not None
    assert ".".join(str(part) for part in version[:3]) in sentence


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 14, 1), (4, 0, 0)])
def test_a_new_python_goes_on(version: tuple[int, ...]) -> None:
    assert run.refuse_old_python(version) is None


def test_the_first_file_keeps_to_words_that_any_python_can_read() -> None:
    source = (ROOT / "run.py").read_bytes()

    assert source.isascii()
    assert not any(word in source for word in (b'f"', b"async ", b": int", b"->", b"match "))


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])

        result = run_demo("--port", port, VAR_DIR=str(tmp_path))

    assert_one_sentence(result, port, "--port")


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    # Root may write anywhere, but nobody can make a folder inside a file.
    (tmp_path / "file").write_text("")
    folder = str(tmp_path / "file" / "var")

    assert_one_sentence(run_demo(VAR_DIR=folder), folder)


def test_a_port_that_is_none_is_refused() -> None:
    result = run_demo("--port", "70000")

    assert result.returncode == 2
    assert "'70000' is not a port" in result.stderr


def test_fresh_does_not_touch_a_database_that_the_person_named(tmp_path: Path) -> None:
    (tmp_path / "redemption.sqlite3").write_text("kept")

    result = run_demo("--fresh", "--port", "8999", VAR_DIR=str(tmp_path), DATABASE_URL="postgres://somewhere/else")

    assert_one_sentence(result, "DATABASE_URL")
    assert (tmp_path / "redemption.sqlite3").read_text() == "kept"


def test_a_python_without_its_venv_module_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "has_venv_module", lambda: False)
    monkeypatch.setattr(debian, "can_install", lambda: False)

    with pytest.raises(Trouble, match=rf"python3\.{sys.version_info.minor}-venv"):
        environment._require_venv_module()


def test_as_root_on_debian_the_package_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[str] = []
    monkeypatch.setattr(environment, "has_venv_module", lambda: bool(installed))
    monkeypatch.setattr(debian, "can_install", lambda: True)
    monkeypatch.setattr(debian, "install", installed.append)

    environment._require_venv_module()

    assert installed == [f"python3.{sys.version_info.minor}-venv"]


def test_a_failed_install_says_where_to_read_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(environment, "INSTALL_LOG", tmp_path / "install.log")
    monkeypatch.setattr(environment, "_install_uv", lambda: False)
    monkeypatch.setattr(environment, "PYTHON", Path("/bin/false"))

    with pytest.raises(Trouble, match=r"could not be installed.*install\.log"):
        environment._install([environment.RUN_LOCK])
