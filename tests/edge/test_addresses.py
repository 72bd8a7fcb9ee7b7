"""Where a request comes from, by the word of our own proxies alone."""

import pytest
from django.test import RequestFactory

from redemption_site.edge.addresses import client_address, is_loopback, network_of


def request_from(nearest: str, forwarded: str | None = None):
    headers = {"X-Forwarded-For": forwarded} if forwarded is not None else {}
    return RequestFactory().get("/", headers=headers, REMOTE_ADDR=nearest)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, None, "10.0.0.9"),
        (0, "203.0.113.7", "10.0.0.9"),
        (1, "203.0.113.7", "203.0.113.7"),
        (1, "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        (2, "198.51.100.1, 203.0.113.7, 10.0.0.8", "203.0.113.7"),
        (2, "203.0.113.7", "203.0.113.7"),
        (1, None, "10.0.0.9"),
        (1, "", "10.0.0.9"),
        (1, "nonsense", "10.0.0.9"),
        (1, "203.0.113.7, nonsense", "10.0.0.9"),
        (1, " 203.0.113.7 ", "203.0.113.7"),
        (1, "2001:db8::7", "2001:db8::7"),
    ],
)
def test_the_client_is_whom_the_outermost_of_our_proxies_saw(settings, proxies: int, forwarded: str, expected: str):
    settings.TRUSTED_PROXIES = proxies

    assert client_address(request_from("10.0.0.9", forwarded)) == expected


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", ""),
        ("", ""),
        ("unix:", ""),
    ],
)
def test_one_subscriber_is_one_network(address: str, network: str):
    assert network_of(request_from(address)) == network


@pytest.mark.parametrize(
    ("nearest", "forwarded", "proxies", "expected"),
    [
        ("127.0.0.1", None, 0, True),
        ("::1", None, 0, True),
        ("::ffff:127.0.0.1", None, 0, True),
        ("203.0.113.7", None, 0, False),
        ("", None, 0, False),
        ("127.0.0.1", "203.0.113.7", 0, False),
        ("127.0.0.1", "203.0.113.7", 1, False),
        ("127.0.0.1", "127.0.0.1", 1, True),
    ],
)
def test_loopback_is_this_machine_and_not_a_proxy_on_it(settings, nearest, forwarded, proxies, expected):
    settings.TRUSTED_PROXIES = proxies

    assert is_loopback(request_from(nearest, forwarded)) is expected
