"""A seeded site on this machine: every process real, the data under var/, and nothing left running afterwards."""

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from deploy.local import environment, ports, programs
from deploy.local.places import data_folder, make_writable
from deploy.local.processes import MARK_VARIABLE, Process, new_mark, run_step, survivors, wait_until
from deploy.local.readiness import Readiness, send
from deploy.local.supervision import Pulse, Supervisor
from deploy.local.trouble import Trouble
from deploy.local.valkey import Broker
from deploy.local.welcome import Welcome, request_of

PORT = 8000
READY_WITHIN_SECONDS = 90.0
HEARD_OF_WITHIN_SECONDS = 30.0
# What --fresh takes away. Only names we write: VAR_DIR may be any folder, with other things in it.
OUR_DATA = ("redemption.sqlite3*", "celerybeat-schedule*", "valkey.*", "log", "static")


class Demo:
    """The platform on one port, over one data folder."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.logs = folder / "log"
        self.mark = new_mark()
        self.environment = {**programs.demo_environment(folder), MARK_VARIABLE: self.mark}
        self.readiness = Readiness(f"http://{ports.HOST}:{port}")
        self.broker: Broker | None = None
        self.supervisor = Supervisor([])

    def wipe(self) -> None:
        """Take away the data of earlier starts."""
        if "DATABASE_URL" in self.environment:
            raise Trouble("--fresh starts over with the embedded database only, and DATABASE_URL names another one.")
        for pattern in OUR_DATA:
            for path in self.folder.glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def start(self) -> Welcome:
        """Bring the database up to date, start every process, and return when the platform is ready."""
        shutil.rmtree(self.logs, ignore_errors=True)
        self.supervisor = Supervisor(self._processes(), take_pulse=self.readiness.take_pulse)
        if self.broker:
            # Before the seeds, which ring the workers' doorbell.
            self.broker.start()
        _say("Bringing the database up to date")
        self._manage("migrate", "--no-input")
        _say("Loading the demo data")
        welcome = Welcome.read(self.port, self._manage("load_demo"))
        _say("Starting the web server and the workers")
        self.supervisor.start()
        self._wait_until_ready()
        return welcome

    def order_campaign(self) -> str:
        """Order a large batch, so that somebody who opens the desk now sees codes being issued; answers what to tell."""
        try:
            batch = json.loads(self._manage("load_demo", "--campaign").strip().splitlines()[-1])
            address, state = (
                f"http://demo.localhost:{self.port}/admin/codes/batch/{batch['batch']}/change/",
                batch["state"],
            )
        except (Trouble, IndexError, ValueError, KeyError, TypeError) as error:
            return f"  The large batch could not be ordered: {error}"  # Everything else is there all the same.
        doing = "is being issued; watch it at" if state == "issuing" else "is at"
        return f"  A batch of 100,000 codes {doing}\n    {address}\n"

    def watch(self) -> None:
        """Keep everything running until an exception ends it."""
        self.supervisor.watch()

    def silent(self) -> list[str]:
        """The names of processes that do not run, or that should have shown a sign of life by now and have not."""
        fallen = [process.name for process in self.supervisor.fallen()]
        pulse: Pulse = {}

        def hear_of_all() -> bool:
            nonlocal pulse
            pulse = dict.fromkeys(("worker", "poller")) | dict(self.readiness.take_pulse())
            return None not in pulse.values()

        wait_until(hear_of_all, HEARD_OF_WITHIN_SECONDS, pause_seconds=0.5)
        return sorted({*fallen, *(name for name, age in pulse.items() if age is None)})

    def stop(self) -> None:
        """End every process."""
        self.supervisor.stop()

    def _manage(self, *arguments: str) -> str:
        command = [str(environment.PYTHON), "manage.py", *arguments]
        return run_step(f"manage.py {arguments[0]}", command, env=self.environment, log=self.logs / "setup.log")

    def _processes(self) -> list[Process]:
        processes = []
        # A broker that the person named goes before all.
        if not self.environment.get("CELERY_BROKER_URL"):
            self.broker = Broker(self.folder, log=self.logs / "broker.log", env=self.environment)
            processes.append(self.broker.process)
            self.environment["CELERY_BROKER_URL"] = self.broker.url
        commands = {
            "web": programs.web_command(self.port, programs.web_workers(self.environment)),
            "worker": programs.worker_command(),
            "beat": programs.beat_command(),
            "poller": programs.poller_command(),
        }
        return [
            *processes,
            *(
                Process(name, command, log=self.logs / f"{name}.log", env=self.environment)
                for name, command in commands.items()
            ),
        ]

    def _wait_until_ready(self) -> None:
        is_ready = wait_until(
            lambda: self.supervisor.fallen() or self.readiness.is_ready(), READY_WITHIN_SECONDS, pause_seconds=0.2
        )
        for process in self.supervisor.fallen():
            words = process.last_words()
            raise Trouble(
                f"The {process.name} process ended at once ({process.exit_code}); its log {process.log} ends:\n{words}"
            )
        if not is_ready:
            raise Trouble(
                f"The platform was not ready within {READY_WITHIN_SECONDS:.0f} s; its logs are in {self.logs}."
            )


def run(*, port: int = PORT, fresh: bool = False) -> int:
    """Show the demo until Ctrl-C; the exit code is 0 then."""
    folder = make_writable(data_folder())
    with _hold(folder, port):
        if not ports.is_free(port):
            raise Trouble(f"Port {port} is taken by another program: stop that one, or choose a port with --port.")
        demo = Demo(folder, port)
        if fresh:
            demo.wipe()
        environment.ensure(with_tests=False)
        try:
            welcome = demo.start()
            print(welcome.text())
            print(demo.order_campaign(), flush=True)
            print(f"  Logs are in {demo.logs}. Ctrl-C ends everything and keeps the data.", flush=True)
            demo.watch()
        except KeyboardInterrupt:
            print("\nEnding every process …", flush=True)
        finally:
            demo.stop()
    return 0


def check() -> int:
    """Start everything in a folder of its own, redeem a code as the printed line would, stop; 0 if all held."""
    environment.ensure(with_tests=False)
    started_at = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="redemption-check-"))
    demo = Demo(folder, ports.find_free())
    try:
        faults = _faults_in(demo.start())
        faults += [f"the {name} process shows no sign of life" for name in demo.silent()]
    except Trouble as trouble:
        faults = [str(trouble)]
    finally:
        demo.stop()
    if left := survivors(demo.mark):
        faults.append(f"processes are still running: {', '.join(map(str, left))}")
    if faults:
        # The folder stays: its logs are all there is to go by.
        print(f"demo --check FAILED (its logs are in {demo.logs}): {'; '.join(faults)}", flush=True)
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    seconds = time.monotonic() - started_at
    print(f"demo --check passed in {seconds:.0f} s: a code was redeemed, its second use refused, and nothing runs on.")
    return 0


def _faults_in(welcome: Welcome) -> list[str]:
    """Send the request of the printed line twice and return what is wrong with the answers."""
    faults = []
    expected = (("first", 201, "status", "redeemed"), ("second", 409, "reason", "code_used_up"))
    for which, expected_status, field, expected_word in expected:
        status, answer = send(request_of(welcome.curl_line()), timeout_seconds=15)
        word = answer.get(field) if isinstance(answer, dict) else None
        if (status, word) != (expected_status, expected_word):
            wanted = f"{expected_status} {expected_word}"
            faults.append(f"the {which} redemption was answered {status} {answer!r} instead of {wanted}")
    return faults


@contextlib.contextmanager
def _hold(folder: Path, port: int) -> Iterator[None]:
    """Hold a data folder for one demo; the system lets go of it however this program ends."""
    with (folder / "demo.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            address = lock.read().strip() or "an address of its own"
            raise Trouble(f"The demo already runs from {folder}, at {address}; end it there with Ctrl-C.") from None
        lock.truncate(0)
        lock.write(f"http://demo.localhost:{port}/ (process {os.getpid()})")
        lock.flush()
        yield


def _say(step: str) -> None:
    print(f"{step} …", flush=True)
