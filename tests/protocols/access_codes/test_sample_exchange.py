"""The sample exchange of the protocol's README, sent and compared byte for byte; only the codes are others."""

import re
from pathlib import Path

from django.conf import settings

from tests.protocols.access_codes.conftest import Publisher
from tests.protocols.access_codes.publishers import captured

README = Path(settings.BASE_DIR) / "redemption_site" / "protocols" / "access_codes" / "README.md"
CODE = re.compile(r"\b[0-9a-f]{16}\b")


def test_the_sample_exchange_is_what_happens(publisher: Publisher):
    blocks = re.findall(r"```http\n(.*?)\n```", README.read_text(), re.DOTALL)
    assert len(blocks) == 12
    ours: dict[str, str] = {}  # By the README's code that it stands for.

    def with_ours(text: str) -> str:
        return CODE.sub(lambda found: ours[found.group()], text)

    for request, expected in zip(blocks[::2], blocks[1::2], strict=True):
        response = captured(publisher.door, with_ours(request).replace("\n", "\r\n").encode())
        body = response.getvalue() if not response.streaming else b"".join(response.streaming_content)
        if not ours:
            ours.update(zip(CODE.findall(expected), CODE.findall(body.decode()), strict=True))
        head, _, expected_body = expected.partition("\n\n")
        assert f"HTTP/1.1 {response.status_code} {response.reason_phrase}" == head.splitlines()[0]
        assert response.headers["Content-Type"] == "application/json"
        assert body.decode() == with_ours(expected_body)
