"""The platform's settings with one address more, of which production knows nothing: bench/web_urls.py."""

from redemption_site.settings import *  # noqa: F403

ROOT_URLCONF = "bench.web_urls"
