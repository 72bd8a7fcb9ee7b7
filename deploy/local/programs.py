"""The processes that make the platform, each with its command line; the demo, the tests and the bench start these."""

import os
from collections.abc import Mapping
from pathlib import Path

from deploy.local import ports
from deploy.local.environment import PYTHON


def demo_environment(data_folder: Path, given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of every demo process; a DATABASE_URL or CELERY_BROKER_URL that the person set is kept."""
    return {
        **given,
        "MODE": "demo",
        "DEFAULT_SITE": "demo",  # So that the pages answer at 127.0.0.1 too.
        "VAR_DIR": str(data_folder),
        "DJANGO_SETTINGS_MODULE": "redemption_site.settings",
        "PYTHONUNBUFFERED": "1",
    }


def uses_sqlite(environment: Mapping[str, str]) -> bool:
    """Tell whether these processes share an SQLite file rather than a server."""
    return environment.get("DATABASE_URL", "sqlite:").startswith("sqlite")


def web_workers(environment: Mapping[str, str]) -> int:
    """How many web processes are worth having: one per core, but SQLite has one writer at a time."""
    cores = os.cpu_count() or 2
    return min(cores, 2) if uses_sqlite(environment) else cores


def web_command(port: int, workers: int, python: Path = PYTHON) -> list[str]:
    """The web server: granian with four threads a worker."""
    return [
        *(str(python), "-m", "granian", "--interface", "wsgi", "redemption_site.wsgi:application"),
        *("--host", ports.HOST, "--port", str(port), "--workers", str(workers), "--blocking-threads", "4"),
        # What cannot be worked on at once waits in the kernel, where it costs nothing, not in our memory.
        *("--backlog", "1024", "--backpressure", "128", "--http1-header-read-timeout", "10000", "--no-ws"),
        *("--respawn-failed-workers", "--respawn-interval", "0.5", "--workers-kill-timeout", "5"),
    ]


def worker_command(python: Path = PYTHON) -> list[str]:
    """The Celery worker with two children; one worker has nobody to gossip or mingle with."""
    return [
        *(str(python), "-m", "celery", "-A", "redemption_site", "worker", "--concurrency", "2", "-O", "fair"),
        *("--without-gossip", "--without-mingle", "--loglevel", "INFO"),
    ]


def beat_command(python: Path = PYTHON) -> list[str]:
    """The clock that queues the tasks of the static schedule."""
    return [str(python), "-m", "celery", "-A", "redemption_site", "beat", "--loglevel", "INFO"]


def poller_command(python: Path = PYTHON) -> list[str]:
    """The due-poller, which needs only the database."""
    return [str(python), "manage.py", "run_due"]
