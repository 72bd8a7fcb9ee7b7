"""The sample exchange of the protocol's README, sent and compared byte for byte."""

import re
from pathlib import Path

from django.conf import settings

from tests.protocols.advice.conftest import Merchant
from tests.protocols.advice.tills import Till

README = Path(settings.BASE_DIR) / "redemption_site" / "protocols" / "advice" / "README.md"


def headers_of(lines: list[str]) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in lines)


def test_the_sample_exchange_is_what_happens(shop: Merchant):
    blocks = re.findall(r"```http\n(.*?)\n```", README.read_text(), re.DOTALL)
    assert len(blocks) == 6

    for request, expected in zip(blocks[::2], blocks[1::2], strict=True):
        head, _, body = request.partition("\n\n")
        request_line, *lines = head.splitlines()
        method, path, _ = request_line.split(" ")
        headers = headers_of(lines)
        content_type = headers.pop("Content-Type")
        response = Till(None).send(body.encode(), content_type, method=method, path=path, headers=headers)

        expected_head, _, expected_body = expected.partition("\n\n")
        status_line, *expected_lines = expected_head.rstrip("\n").splitlines()
        assert f"HTTP/1.1 {response.status_code} {response.reason_phrase}" == status_line
        for name, value in headers_of(expected_lines).items():
            assert response.headers[name] == value
        assert response.content.decode() == expected_body
