from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("codes", "0005_importing")]
    operations = [
        migrations.AlterModelOptions(
            name="batch",
            options={
                "ordering": ["-id"],
                "permissions": [
                    ("issue_codes", "Can issue codes"),
                    ("switch_codes", "Can switch batches and codes on and off"),
                    ("export_codes", "Can export codes with their characters"),
                ],
                "verbose_name_plural": "batches",
            },
        ),
    ]
