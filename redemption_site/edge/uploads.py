"""Files on the way in. They are held in memory until they are sealed: a file of codes is never put on a disk as it came."""

import io
import re
from dataclasses import dataclass
from typing import Any

from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopUpload
from django.http import HttpRequest, UnreadablePostError
from django.utils.http import parse_header_parameters

from codes.importing import LARGEST_FILE
from codes.refusals import RequestMalformed, UnsupportedMediaType
from redemption_site.edge.forms import MULTIPART
from redemption_site.edge.parsing import read_body, refuse_charset

ENVELOPE = 64 * 1024  # What the other parts of the form and the boundaries may take.
LARGEST_HEAD = 8 * 1024
MOST_PARTS = 20
UPLOAD_PAGES = re.compile(r"/admin/codes/(codeimport/upload|batch/[0-9]{1,18}/import-more)/")


@dataclass(frozen=True)
class Part:
    """One part of a form; ``content`` looks into the body, without a copy."""

    content: memoryview
    file_name: str | None

    def text(self) -> str:
        """Raises RequestMalformed on a file, and on what is no text."""
        if self.file_name is not None:
            raise RequestMalformed
        try:
            return bytes(self.content).decode()
        except UnicodeDecodeError as error:
            raise RequestMalformed from error


def read_upload(request: HttpRequest) -> dict[str, Part]:
    """The parts of a multipart form with a file of up to 32 MiB, by name.

    Raises UnsupportedMediaType, RequestTooLarge, RequestMalformed; a body that says it is too large is never read.
    """
    if request.content_type != MULTIPART:
        raise UnsupportedMediaType
    parameters = request.content_params or {}
    refuse_charset(parameters)
    body, boundary = read_large(request), parameters.get("boundary", "")
    if not 1 <= len(boundary) <= 70 or not boundary.isascii():
        raise RequestMalformed
    found: dict[str, Part] = {}
    try:
        for name, part in parts_of(body, b"--" + boundary.encode()):
            if name in found or len(found) == MOST_PARTS:
                raise RequestMalformed
            found[name] = part
    except (ValueError, UnicodeDecodeError) as error:
        raise RequestMalformed from error
    return found


def read_large(request: HttpRequest) -> bytes:
    """The body, past Django's own limit, which is for forms without a file."""
    limit, length = LARGEST_FILE + ENVELOPE, request.META.get("CONTENT_LENGTH") or ""
    announced = length.isascii() and length.isdigit() and len(length) <= 12 and int(length) <= limit
    if announced and not hasattr(request, "_body"):
        try:
            request._body = request.read(int(length))
        except UnreadablePostError as error:
            raise RequestMalformed from error
    return read_body(request, limit)


def parts_of(body: bytes, marker: bytes) -> Any:
    """The (name, part) of each part. Raises ValueError on anything but a whole form."""
    whole, delimiter = memoryview(body), b"\r\n" + marker
    at = 0 if body.startswith(marker) else body.index(delimiter) + 2
    while not body.startswith(b"--", at + len(marker)):
        line_end = body.index(b"\r\n", at + len(marker))
        # Between boundary and line end only padding may stand.
        if body[at + len(marker) : line_end].strip(b" \t"):
            raise ValueError("no boundary")
        head_end = body.index(b"\r\n\r\n", line_end, line_end + LARGEST_HEAD)
        end = body.index(delimiter, head_end + 4)
        name, file_name = named(body[line_end + 2 : head_end].decode())
        yield name, Part(whole[head_end + 4 : end], file_name)
        at = end + 2


def named(head: str) -> tuple[str, str | None]:
    """A part's name, and its file's if it is one."""
    headers = {}
    for line in head.split("\r\n"):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    kind, names = parse_header_parameters(headers.get("content-disposition", ""))
    if kind != "form-data" or "name" not in names:
        raise ValueError("no form field")
    if headers.get("content-transfer-encoding", "binary").lower() not in ("7bit", "8bit", "binary"):
        raise ValueError("encoded content")
    return names["name"], names.get("filename")


class MemoryUpload(FileUploadHandler):
    """Django's door for the pages that take a file; on every other page a file is dropped unread.

    One that is too large is not kept, and ``request.upload_too_large`` says so.
    """

    announced: int | None = None

    def handle_raw_input(self, input_data: Any, meta: Any, content_length: int, *rest: Any) -> None:
        self.announced = content_length

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        # The check against forged forms reads a form before anybody has asked who sends it.
        user = getattr(self.request, "user", None)
        if not (user and user.is_staff and UPLOAD_PAGES.fullmatch(self.request.path_info)):  # type: ignore[union-attr]
            raise SkipFile
        self.content = bytearray()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.content += raw_data
        if len(self.content) > LARGEST_FILE:
            self.content = bytearray()
            self.request.upload_too_large = True  # type: ignore[union-attr]
            # Read to its end, or the browser would never hear why; but not for ever.
            raise StopUpload(connection_reset=(self.announced or 0) > 4 * LARGEST_FILE)

    def file_complete(self, file_size: int) -> Any:
        name, kind = self.file_name or "", self.content_type or ""
        return InMemoryUploadedFile(
            io.BytesIO(self.content), self.field_name, name, kind, file_size, self.charset, self.content_type_extra
        )
