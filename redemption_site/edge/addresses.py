"""Where a request comes from: the address in front of our own proxies, and the network that a budget counts."""

import ipaddress
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def client_address(request: HttpRequest) -> str:
    """The address of the client, by the word of exactly TRUSTED_PROXIES proxies of ours and nobody else's.

    Each proxy appends the address it was called from to X-Forwarded-For; what stands left of ours is the client's own
    invention. Empty when the server listens on a socket that knows no addresses.
    """
    nearest: str = request.META.get("REMOTE_ADDR", "")
    if not settings.TRUSTED_PROXIES:
        return nearest
    forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    chain = [*filter(None, forwarded), nearest]
    address = chain[max(0, len(chain) - 1 - settings.TRUSTED_PROXIES)]
    return address if parse(address) else nearest


def network_of(request: HttpRequest) -> str:
    """What the budget of a network counts: an IPv4 address, or the /64 that one IPv6 subscriber owns whole."""
    return widened(client_address(request))


@lru_cache(maxsize=4_096)
def widened(text: str) -> str:
    address = parse(text)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address) if address else ""


def is_loopback(request: HttpRequest) -> bool:
    """Whether the request was made on this very machine, and not merely handed on by a proxy on it."""
    if request.META.get("HTTP_X_FORWARDED_FOR") and not settings.TRUSTED_PROXIES:
        return False  # A proxy that nobody told us about: its own address says nothing of the client's.
    address = parse(client_address(request))
    return address is not None and address.is_loopback


def parse(text: str) -> Address | None:
    """The address, an IPv4 one also where it is written as IPv6; None for anything else."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or (None if address.scope_id else address)
    return address
