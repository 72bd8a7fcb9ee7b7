"""The sample exchange of the protocol's README, sent and compared byte for byte: only what is drawn at random differs."""

import json
import re

from tests.protocols.loyalty.conftest import M1, Programme
from tests.protocols.loyalty.test_errors import README
from tests.protocols.loyalty.tills import Till

DRAWN = ("access_token", "reservationToken", "transactionId")


def test_the_sample_exchange_is_what_happens(programme: Programme):
    blocks = re.findall(r"```http\n(.*?)\n```", README.read_text(), re.DOTALL)
    assert len(blocks) == 14
    assert programme.till.key is not None
    prefix, _, secret = programme.till.key.key.partition(".")
    # What the README says → what it is here.
    ours = {"rk0123456789ab": prefix, "Q2xpZW50LXNlY3JldC1vZi0yNTYtcmFuZG9tLWJpdHM": secret}

    for request, expected in zip(blocks[::2], blocks[1::2], strict=True):
        for sample, actual in ours.items():
            request = request.replace(sample, actual)
        head, _, body = request.partition("\n\n")
        request_line, *lines = head.rstrip("\n").splitlines()
        method, path, _ = request_line.split(" ")
        headers = dict(line.split(": ", 1) for line in lines)
        response = Till().send(method, path, body.encode(), headers.pop("Content-Type", None), headers)

        expected_head, _, expected_body = expected.partition("\n\n")
        told, samples = json.loads(response.content), json.loads(expected_body)
        ours |= {samples[name]: told[name] for name in DRAWN if name in samples}
        for sample, actual in ours.items():
            expected_body = expected_body.replace(sample, actual)
        status_line, *expected_lines = expected_head.splitlines()
        assert f"HTTP/1.1 {response.status_code} {response.reason_phrase}" == status_line
        for line in expected_lines:
            name, value = line.split(": ", 1)
            assert response.headers[name] == value
        assert response.content.decode() == expected_body
    assert programme.balance(M1) == 25_000
