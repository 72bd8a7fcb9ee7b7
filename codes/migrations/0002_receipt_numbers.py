from django.db import migrations


def create_sequence(apps, schema_editor):
    # SQLite needs none: its writers come one at a time, so the next number is the highest one plus one.
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("CREATE SEQUENCE codes_receipt_number AS bigint")


def drop_sequence(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP SEQUENCE codes_receipt_number")


class Migration(migrations.Migration):
    dependencies = [("codes", "0001_initial")]
    operations = [migrations.RunPython(create_sequence, drop_sequence)]
