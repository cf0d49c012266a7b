"""Where a request comes from, with and without a proxy before the arena."""

import os
import subprocess
import sys

import pytest
from django.conf import LazySettings
from django.test import RequestFactory

from arena.teams.networks import network_of


@pytest.mark.parametrize(
    ("seen", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:", ""),
        ("nonsense", ""),
    ],
)
def test_household_is_told_by_its_address(seen: str, network: str) -> None:
    assert network_of(RequestFactory().get("/", REMOTE_ADDR=seen)) == network


@pytest.mark.parametrize(
    ("forwarded", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("10.9.8.7, 203.0.113.1, 192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:4711", "192.0.2.7"),
        ("[2001:db8:1:2::3]:4711", "2001:db8:1:2::/64"),
        ("", "127.0.0.1"),
        ("made up, nonsense", ""),
    ],
)
def test_proxy_is_believed_about_the_last_hop_only(settings: LazySettings, forwarded: str, network: str) -> None:
    settings.BEHIND_PROXY = True
    assert network_of(RequestFactory().get("/", headers={"X-Forwarded-For": forwarded})) == network


def test_proxy_that_ends_tls_is_a_proxy() -> None:
    script = "from arena import settings; print(settings.BEHIND_PROXY, settings.SESSION_COOKIE_SECURE)"

    def told(**said: str) -> str:
        return subprocess.check_output([sys.executable, "-c", script], env={**os.environ, **said}, text=True).strip()

    assert told() == "False False"
    assert told(BEHIND_PROXY="true") == "True False"
    assert told(BEHIND_TLS_PROXY="true") == "True True"


def test_without_a_proxy_the_header_is_the_visitors_own_invention() -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.7", headers={"X-Forwarded-For": "203.0.113.1"})
    assert network_of(request) == "192.0.2.7"
