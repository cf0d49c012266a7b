"""Where a request comes from, as far as it matters to tell visitors apart. Nothing is kept here."""

from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

IPV6_PREFIX = 64  # what one household gets; its machines choose the rest anew every day


def network_of(request: HttpRequest) -> str:
    """The visitor's IPv4 address or IPv6 network; "" where none can be told.

    Behind a proxy it is the last address in X-Forwarded-For: the one the proxy itself has seen. Those before it are
    whatever the visitor wrote. Without a proxy the whole header is.
    """
    seen = str(request.META.get("REMOTE_ADDR", ""))
    if settings.BEHIND_PROXY:
        seen = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or seen
    return _network(seen)


def is_this_machine(network: str) -> bool:
    """Whether what `network_of` gave is this machine itself, and no proxy spoke for somebody else."""
    return network == "::1" or network.startswith("127.")


def _network(seen: str) -> str:
    try:
        address = ip_address(_without_port(seen).partition("%")[0])
    except ValueError:
        return ""
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    if address.is_loopback:
        return str(address)
    return str(ip_network((address, IPV6_PREFIX), strict=False))


def _without_port(seen: str) -> str:
    """Some proxies add one: 192.0.2.1:4711, [2001:db8::1]:4711."""
    if seen.startswith("["):
        return seen[1:].partition("]")[0]
    return seen.partition(":")[0] if seen.count(":") == 1 else seen
