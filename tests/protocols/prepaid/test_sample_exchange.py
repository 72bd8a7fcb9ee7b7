"""The sample exchange of the protocol's README, sent and compared byte for byte."""

import re

from tests.protocols.prepaid.conftest import Tenant
from tests.protocols.prepaid.test_return_codes import README


def test_the_sample_exchange_is_what_happens(tenant: Tenant):
    blocks = re.findall(r"```http\n(.*?)\n```", README.read_text(), re.DOTALL)
    assert len(blocks) == 6

    for request, expected in zip(blocks[::2], blocks[1::2], strict=True):
        head, _, body = request.partition("\n\n")
        request_line, *lines = head.rstrip("\n").splitlines()
        method, path, _ = request_line.split(" ")
        headers = dict(line.split(": ", 1) for line in lines)
        response = tenant.shop.send(method, path, body.encode(), headers.pop("Content-Type", None), headers)

        expected_head, _, expected_body = expected.partition("\n\n")
        status_line, *expected_lines = expected_head.splitlines()
        assert f"HTTP/1.1 {response.status_code} {response.reason_phrase}" == status_line
        for line in expected_lines:
            name, value = line.split(": ", 1)
            assert response.headers[name] == value
        assert response.content.decode() == f"{expected_body}\n"
