"""/api/v1/batches/{id}/export: the codes of a batch with their characters, for keys with a scope of their own."""

from typing import ClassVar

from django.http import StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from codes.exporting import ExportCodes, export_codes
from codes.models import Batch
from redemption_site.api import documented
from redemption_site.api.filters import ExportQuestion
from redemption_site.api.problems import NotFound
from redemption_site.edge.authentication import caller_of


class ExportView(APIView):
    """A stream: HEAD is not answered, for it would leave an audit row of an export that never was."""

    http_method_names = ["get"]
    scopes: ClassVar = {"GET": "export"}

    @documented.EXPORT_CODES
    def get(self, request: Request, batch_id: int) -> StreamingHttpResponse:
        caller = caller_of(request)
        batch = Batch.objects.filter(site_id=caller.site_id, pk=batch_id).first()
        if batch is None:
            raise NotFound
        asked = ExportQuestion.read(request)
        export = export_codes(ExportCodes(batch, actor_id=caller.actor_id, door="api", **asked))
        return StreamingHttpResponse(export, headers=export.headers)
