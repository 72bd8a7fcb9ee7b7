"""The Celery application: a doorbell for work that lies in the database."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "redemption_site.settings")
app = Celery("redemption_site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["codes"])
