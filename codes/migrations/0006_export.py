from django.db import migrations, models


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
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(
                condition=models.Q(("batch__isnull", False)),
                fields=["batch", "-decided_at", "-id"],
                name="attempt_by_batch",
            ),
        ),
    ]
