"""Makes the desk the admin site with which every package registers its pages."""

from django.contrib.admin.apps import AdminConfig


class DeskConfig(AdminConfig):
    default_site = "redemption_site.admin_site.Desk"

    def ready(self) -> None:
        super().ready()
        from django.contrib import admin
        from django.contrib.auth.models import Group

        admin.site.unregister(Group)  # Rights come from memberships; Django's groups give none here.
