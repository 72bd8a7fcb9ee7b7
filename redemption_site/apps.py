from django.apps import AppConfig


class RedemptionSiteConfig(AppConfig):
    name = "redemption_site"
    verbose_name = "Redemption platform"

    def ready(self) -> None:
        from redemption_site.edge import connections

        connections.watch()
