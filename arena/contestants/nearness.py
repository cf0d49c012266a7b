"""Whether an address, or a model, is on one's own machine or network. No Django here, and no look-up."""

from ipaddress import ip_address
from urllib.parse import urlsplit

_NEAR_DOMAINS = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


def host_of(url: str) -> str:
    """The host in small letters; "" if this is no URL with one."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def is_near(url: str) -> bool:
    """As far as the address tells: what is there was put there for the arena."""
    host = host_of(url)
    try:
        return not ip_address(host).is_global
    except ValueError:
        return bool(host) and ("." not in host or host.endswith(_NEAR_DOMAINS))


def is_ollama_cloud(model: str) -> bool:
    """`gpt-oss:120b-cloud`: an Ollama only passes the request on, and never has the model in memory."""
    tag = model.rpartition(":")[2].lower()
    return tag == "cloud" or tag.endswith("-cloud")
