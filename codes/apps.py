from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate

from accounts import triggers


class CodesConfig(AppConfig):
    name = "codes"
    verbose_name = "Codes"

    def ready(self) -> None:
        from accounts import beginnings  # Models, which are ready only now.
        from codes import item_statuses

        beginnings.BEGINNINGS.append(item_statuses.begin)
        pre_migrate.connect(triggers.make_way, sender=self)
        post_migrate.connect(triggers.install, sender=self)
