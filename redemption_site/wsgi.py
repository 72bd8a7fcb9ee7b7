"""The WSGI entry point: ``granian --interface wsgi redemption_site.wsgi:application``."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "redemption_site.settings")
application = get_wsgi_application()
