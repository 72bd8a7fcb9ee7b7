import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):
    """Reservations live in the ledger now. Nothing could write the two old tables, so they are empty.

    They stay for one release, for yesterday's code reads them with every redemption; a later migration drops them.
    """

    dependencies = [
        ('codes', '0010_articles_and_shop_orders'),
        ('ledger', '0005_reservations'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.DeleteModel(name='CodeHold'), migrations.DeleteModel(name='Reservation')],
        ),
        migrations.AddField(
            model_name='code',
            name='held',
            field=models.IntegerField(db_default=0, default=0, editable=False, help_text='Open holds: a trigger counts them, and nothing else does.'),
        ),
        migrations.CreateModel(
            name='CodeHold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('expires_at', models.DateTimeField(help_text='That of its reservation.')),
                ('ended_as', models.CharField(blank=True, choices=[('consumed', 'Consumed'), ('released', 'Released'), ('expired', 'Expired')], max_length=10)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('attempt', models.OneToOneField(blank=True, help_text='The redemption that took the use, if one did.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='hold', to='codes.attempt')),
                ('code', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='codes.code')),
                ('reservation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='code_holds', to='ledger.reservation')),
            ],
            options={
                'db_table': 'codes_hold',
                'ordering': ['id'],
                'permissions': [('release_reservation', 'Can release reservations before their time')],
                'indexes': [models.Index(condition=models.Q(('ended_as', '')), fields=['code', 'expires_at'], name='codehold_open'), models.Index(condition=models.Q(('ended_as', '')), fields=['expires_at'], name='codehold_to_expire')],
                'constraints': [models.UniqueConstraint(fields=('reservation', 'code'), name='codes_hold_once'), models.CheckConstraint(condition=models.Q(models.Q(('ended_as', ''), ('ended_at__isnull', True)), models.Q(('ended_at__isnull', False), models.Q(models.Q(('ended_as__in', ['consumed', 'released']), ('ended_at__lt', models.F('expires_at'))), models.Q(('ended_as', 'expired'), ('ended_at__gte', models.F('expires_at'))), _connector='OR')), _connector='OR'), name='codehold_ends_in_time'), models.CheckConstraint(condition=models.Q(models.Q(('attempt__isnull', False), ('ended_as', 'consumed')), models.Q(models.Q(('ended_as', 'consumed'), _negated=True), ('attempt__isnull', True)), _connector='OR'), name='codehold_redeemed_if_consumed')],
            },
        ),
        migrations.CreateModel(
            name='ReservationKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('deed', models.CharField(choices=[('place', 'Made'), ('confirm', 'Confirmed')], max_length=10)),
                ('caller', models.CharField(max_length=80)),
                ('idempotency_key', models.CharField(max_length=255)),
                ('fingerprint', models.BinaryField(max_length=16)),
                ('reservation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='keys', to='ledger.reservation')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('caller', 'idempotency_key'), name='reservationkey_once'), models.UniqueConstraint(fields=('reservation', 'deed'), name='reservationkey_one_of_each_deed'), models.CheckConstraint(condition=models.Q(('deed__in', ['place', 'confirm'])), name='reservationkey_deed_known')],
            },
        ),
    ]
