"""``python -m bench.draining``: a process that drains until nothing is due, each time it reads a line, and tells how it went."""

import json
import sys
import time

import django


def main() -> None:
    answers = sys.stdout
    sys.stdout = sys.stderr  # Log lines.
    django.setup()
    from bench.advising import memory_mb
    from codes.advice import draining, inbox

    inbox.is_due()  # Connected.
    for _ in sys.stdin:
        before = time.process_time()
        claimed = draining.drain()
        told = {"claimed": claimed, "cpu": time.process_time() - before, "memory_mb": memory_mb()}
        answers.write(json.dumps(told) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
