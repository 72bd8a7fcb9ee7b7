"""What is usual: one Celery task for each advice. ``python -m bench.one_each COUNT`` queues so many; a worker runs them.

The settings are the platform's own, tuned ones; only the length of the list differs.
"""

import os
import sys
from typing import Any

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "redemption_site.settings")
app = Celery("bench")
app.config_from_object("django.conf:settings", namespace="CELERY")
TASK = "bench.judge_one"
CALLERS: dict[int, Any] = {}  # Read once, as a tuned task would do.


@app.task(name=TASK)
def judge_one() -> None:
    from codes.advice import draining, inbox

    claims = inbox.claim(1)
    if claims:
        draining.work(claims, CALLERS)


if __name__ == "__main__":
    import django

    django.setup()
    with app.producer_pool.acquire() as producer:
        for _ in range(int(sys.argv[1])):
            app.send_task(TASK, producer=producer)
