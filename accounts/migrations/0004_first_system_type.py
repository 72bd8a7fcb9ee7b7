from django.db import migrations


def add_tills(apps, schema_editor):
    """Sites that there are get the system type that new ones begin with: 10, the tills of the contract's example."""
    sites, types = apps.get_model("accounts", "Site"), apps.get_model("accounts", "SystemType")
    taken = types.objects.filter(number=10).values("site")
    types.objects.bulk_create(
        (types(site_id=pk, number=10, name="Till") for pk in sites.objects.exclude(pk__in=taken).values_list("pk", flat=True)),
        batch_size=1_000,
    )


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_venues_and_till_keys'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='venue',
            options={'ordering': ['name', 'id'], 'permissions': [('edit_venue', 'Can add and change venues and system types')]},
        ),
        migrations.RunPython(add_tills, migrations.RunPython.noop),
    ]
