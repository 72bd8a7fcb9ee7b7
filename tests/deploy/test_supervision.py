"""Processes that die or fall silent are replaced, and when the end comes none of them is left."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local.places import ROOT
from deploy.local.processes import MARK_VARIABLE, Process, new_mark, survivors, wait_until
from deploy.local.supervision import Pulse, Supervisor

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
# A child that has a child of its own, deaf to every polite request.
PARENT = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"


def supervise(*processes: Process, pulse: Callable[[], Pulse] = dict) -> tuple[Supervisor, list[str]]:
    said: list[str] = []
    supervisor = Supervisor(
        list(processes),
        take_pulse=pulse,
        say=said.append,
        first_pause_seconds=0.1,
        silent_after_seconds=0.3,
        pulse_every_seconds=0.1,
    )
    return supervisor, said


def look_until(supervisor: Supervisor, done: Callable[[], bool]) -> bool:
    def look() -> bool:
        supervisor.look()
        return done()

    return wait_until(look, seconds=10, pause_seconds=0.02)


@pytest.fixture
def sleeper(tmp_path: Path) -> Process:
    return Process("sleeper", SLEEPER, log=tmp_path / "sleeper.log")


def test_a_process_that_was_killed_starts_again(sleeper: Process) -> None:
    supervisor, said = supervise(sleeper)
    supervisor.start()
    try:
        first = sleeper.pid
        os.kill(first, signal.SIGKILL)

        assert look_until(supervisor, lambda: sleeper.is_running and sleeper.pid != first)
        assert len(said) == 1
        assert "sleeper process ended (-9)" in said[0]
    finally:
        supervisor.stop()


def test_a_process_that_keeps_dying_is_given_longer_and_longer_pauses(tmp_path: Path) -> None:
    supervisor, said = supervise(Process("faulty", [sys.executable, "-c", "raise SystemExit(3)"], log=tmp_path / "log"))
    supervisor.start()
    try:
        assert look_until(supervisor, lambda: len(said) == 3)
        assert [line.partition("again in ")[2].split(".  See")[0].split(" s")[0] for line in said] == [
            "0.1",
            "0.2",
            "0.4",
        ]
    finally:
        supervisor.stop()


@pytest.mark.parametrize(("age", "replaced"), [(0.1, False), (99.0, True), (None, True)])
def test_a_silent_process_is_replaced(sleeper: Process, age: float | None, replaced: bool) -> None:
    taken: list[int] = []

    def pulse() -> Pulse:
        taken.append(1)
        return {"sleeper": age}

    supervisor, said = supervise(sleeper, pulse=pulse)
    supervisor.start()
    try:
        first = sleeper.pid
        look_until(supervisor, lambda: len(taken) == 6 or bool(said))

        assert bool(said) == replaced
        assert (sleeper.pid != first) == replaced
    finally:
        supervisor.stop()


def test_stopping_ends_grandchildren_that_would_not_hear(tmp_path: Path) -> None:
    mark = new_mark()
    command = [sys.executable, "-c", PARENT.format(child=DEAF)]
    family = Process("family", command, log=tmp_path / "log", env={**os.environ, MARK_VARIABLE: mark}).start()
    assert wait_until(lambda: "deaf" in family.last_words(), seconds=10)
    assert len(survivors(mark)) == 2

    family.stop(grace_seconds=1)

    assert survivors(mark) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_supervisor_ends_every_process(tmp_path: Path, number: signal.Signals) -> None:
    mark = new_mark()
    program = f"""
import signal
from pathlib import Path
from deploy.local import command_line
from deploy.local.processes import Process
from deploy.local.supervision import Supervisor
signal.signal(signal.SIGTERM, command_line._end_in_order)
signal.signal(signal.SIGINT, signal.default_int_handler)  # A shell lets what it starts in the background ignore it.
names = ["first", "second"]
supervisor = Supervisor([Process(name, {SLEEPER!r}, log=Path({str(tmp_path)!r}) / name) for name in names])
try:
    supervisor.start()
    print("started", flush=True)
    supervisor.watch()
finally:
    supervisor.stop()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, MARK_VARIABLE: mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == "started\n"
        assert len(survivors(mark)) == 3

        supervisor.send_signal(number)
        try:
            supervisor.wait(10)
        finally:
            supervisor.kill()

    assert wait_until(lambda: not survivors(mark), seconds=20)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives orphans to whom it is told")
def test_the_dead_that_nobody_has_buried_yet_are_not_waited_for(tmp_path: Path) -> None:
    adopt_orphans = 36  # PR_SET_CHILD_SUBREAPER
    ctypes.CDLL(None).prctl(adopt_orphans, 1)
    try:
        child = f"import subprocess, sys, time; print(subprocess.Popen({SLEEPER!r}).pid, flush=True); time.sleep(600)"
        parent = Process("parent", [sys.executable, "-c", child], log=tmp_path / "log").start()
        assert wait_until(lambda: parent.last_words() != "", seconds=20)
        assert parent.has_survivors

        parent.kill()

        os.killpg(parent.pid, 0)  # The orphan's process is still known: raises nothing.
        assert not parent.has_survivors
        os.waitpid(int(parent.last_words()), 0)
    finally:
        ctypes.CDLL(None).prctl(adopt_orphans, 0)


def test_processes_end_with_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    mark = new_mark()
    program = f"""
import time
from pathlib import Path
from deploy.local.processes import Process
child = Process("child", {SLEEPER!r}, log=Path({str(tmp_path)!r}) / "log").start()
# The tether is tied by the program that then becomes the child; on a busy machine that takes a moment. A process that is
# just becoming another has no command line.
while not (line := Path(f"/proc/{{child.pid}}/cmdline").read_bytes()) or b"pdeathsig" in line:
    time.sleep(0.01)
print("started", flush=True)
time.sleep(600)
"""
    environment = {**os.environ, MARK_VARIABLE: mark}
    owner = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=environment, stdout=subprocess.PIPE)
    with owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        owner.kill()
        owner.wait()

    assert wait_until(lambda: not survivors(mark), seconds=20)
