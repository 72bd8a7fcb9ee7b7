from django.apps import AppConfig


class RedemptionSiteConfig(AppConfig):
    name = "redemption_site"
    verbose_name = "Redemption platform"
