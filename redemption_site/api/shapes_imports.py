"""What requests and answers about imports look like, for the schema alone."""

from rest_framework import serializers

from codes.import_columns import HEADINGS
from codes.models import CodeImport
from redemption_site.api.bodies import ImportBatch
from redemption_site.api.shapes import Shape


class ImportRequest(Shape):
    file = serializers.FileField(
        help_text="A CSV with a column `code`, and where wanted uses, value, valid_from, valid_until and owner, in any order. "
        "One column without a heading is nothing but codes."
    )
    batch = ImportBatch(required=False, help_text="The batch to be, as JSON.")
    batch_id = serializers.IntegerField(
        required=False, min_value=1, max_value=10**18 - 1, help_text="Instead of `batch`: one that exists."
    )


class AcceptedImport(Shape):
    id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=CodeImport.State.choices)
    size = serializers.IntegerField(help_text="Of the file, in bytes.")
    created_at = serializers.DateTimeField()


class LayoutShape(Shape):
    encoding = serializers.CharField()
    separator = serializers.CharField()
    heading = serializers.BooleanField(help_text="Whether the first line names the columns.")
    columns = serializers.ListField(
        child=serializers.ChoiceField(choices=["", *HEADINGS]), help_text="As they stand; empty: not read."
    )


class ImportShape(AcceptedImport):
    file_name = serializers.CharField(allow_null=True)
    read = serializers.IntegerField(help_text="Bytes that have been checked.")
    layout = LayoutShape()
    rows = serializers.IntegerField(help_text="So far: good + bad + known + repeated.")
    good = serializers.IntegerField(help_text="Rows that become codes.")
    bad = serializers.IntegerField()
    known = serializers.IntegerField(help_text="Rows whose code the site has already.")
    repeated = serializers.IntegerField(help_text="Rows whose code stands in the file before.")
    error = serializers.CharField(allow_null=True)
    batch_id = serializers.IntegerField(allow_null=True, help_text="Once it is known.")
    order_id = serializers.IntegerField(allow_null=True, help_text="Once it is confirmed.")
    finished_at = serializers.DateTimeField(allow_null=True)
    confirmed_at = serializers.DateTimeField(allow_null=True)


class ConfirmedImport(Shape):
    import_id = serializers.IntegerField()
    batch_id = serializers.IntegerField()
    order_id = serializers.IntegerField()
