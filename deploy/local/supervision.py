"""Keeping services alive: those that die are started again, those that fall silent are replaced."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from deploy.local.processes import Process

LONGEST_PAUSE_SECONDS = 30.0
STEADY_AFTER_SECONDS = 60.0
SILENT_AFTER_SECONDS = 30.0
PULSE_EVERY_SECONDS = 5.0

# Seconds since each service was last heard of; None: never. A service that is not named says nothing of itself.
Pulse = Mapping[str, float | None]


@dataclass
class Charge:
    """A process under supervision, and what is remembered of it."""

    process: Process
    started_at: float = 0.0
    deaths_in_a_row: int = 0
    start_again_at: float | None = field(default=None)


class Supervisor:
    """Starts processes in their order, keeps them running, and ends all of them, children included.

    ``take_pulse`` tells how long ago each process was heard of; ``say`` is called with a line for the person.
    """

    def __init__(
        self,
        processes: list[Process],
        *,
        take_pulse: Callable[[], Pulse] = dict,
        say: Callable[[str], None] = print,
        first_pause_seconds: float = 1.0,
        silent_after_seconds: float = SILENT_AFTER_SECONDS,
        pulse_every_seconds: float = PULSE_EVERY_SECONDS,
    ) -> None:
        self.charges = [Charge(process) for process in processes]
        self.take_pulse = take_pulse
        self.say = say
        self.first_pause_seconds = first_pause_seconds
        self.silent_after_seconds = silent_after_seconds
        self.pulse_every_seconds = pulse_every_seconds
        self.next_pulse_at = 0.0

    def start(self) -> None:
        """Start every process that does not run yet."""
        for charge in self.charges:
            if not charge.process.is_running:
                self._start(charge)
        self.next_pulse_at = time.monotonic() + self.pulse_every_seconds

    def look(self) -> None:
        """Look at every process once: start again what died, replace what fell silent."""
        for charge in self.charges:
            self._look_whether_alive(charge)
        if time.monotonic() >= self.next_pulse_at:
            self._replace_the_silent(self.take_pulse())
            self.next_pulse_at = time.monotonic() + self.pulse_every_seconds

    def watch(self, pause_seconds: float = 0.5) -> None:
        """Look again and again, until an exception (Ctrl-C, a signal) ends it."""
        while True:
            self.look()
            time.sleep(pause_seconds)

    def stop(self, grace_seconds: float = 8.0) -> None:
        """End every process, the last started first; a second Ctrl-C ends them at once."""
        processes = [charge.process for charge in reversed(self.charges)]
        try:
            # The first was started first because the others need it, so it goes when they have gone.
            for process in processes[:-1]:
                process.ask_to_stop()
            deadline = time.monotonic() + grace_seconds
            for process in processes:
                process.stop(max(0.1, deadline - time.monotonic()))
        finally:
            for process in processes:
                process.kill()

    def fallen(self) -> list[Process]:
        """The processes that are not running now."""
        return [charge.process for charge in self.charges if not charge.process.is_running]

    def _start(self, charge: Charge) -> None:
        charge.process.start()
        charge.started_at = time.monotonic()
        charge.start_again_at = None

    def _look_whether_alive(self, charge: Charge) -> None:
        now = time.monotonic()
        if charge.start_again_at is not None:
            if now >= charge.start_again_at:
                self._start(charge)
        elif not charge.process.is_running:
            if now - charge.started_at >= STEADY_AFTER_SECONDS:
                charge.deaths_in_a_row = 0
            pause = min(self.first_pause_seconds * 2**charge.deaths_in_a_row, LONGEST_PAUSE_SECONDS)
            charge.deaths_in_a_row += 1
            # What it left running would work beside its successor.
            charge.process.kill()
            charge.start_again_at = now + pause
            name, code, log = charge.process.name, charge.process.exit_code, charge.process.log
            self.say(f"The {name} process ended ({code}); it starts again in {pause:g} s. See {log}.")

    def _replace_the_silent(self, pulse: Pulse) -> None:
        for charge in self.charges:
            name = charge.process.name
            age = pulse.get(name, 0.0)
            running_for = time.monotonic() - charge.started_at
            # A new process is given as long to be heard of first as an old one may be silent.
            is_silent = running_for > self.silent_after_seconds and (age is None or age > self.silent_after_seconds)
            if is_silent and charge.start_again_at is None:
                heard = "never heard of" if age is None else f"last heard of {age:.0f} s ago"
                self.say(f"The {name} process is silent, {heard}; it is replaced. See {charge.process.log}.")
                charge.process.kill()
                self._start(charge)
