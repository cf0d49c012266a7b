"""How every process of the arena reaches Redis: so many connections and no more, and none that waits for ever.

A server that is switched off, or behind a cut cable, says nothing: the kernel would wait a quarter of an hour for it.
So each answer has its time limit, and where one may rightly take long the kernel is told to ask now and then.
"""

import socket
import ssl
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import redis
import redis.asyncio
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

CONNECT_TIMEOUT_S = 2.0
# A connection that nobody answers on is given up after 10 + 3 * 5 s.
KEEP_ALIVE_AFTER_S = 10
KEEP_ALIVE_EVERY_S = 5
KEEP_ALIVE_TIMES = 3
# Connections of one pool. Whoever finds none free waits for one: commands take less than a millisecond.
POOL_SIZE = 8

_TLS_WORDS: dict[str, dict[str, object]] = {
    "ssl_cert_reqs": {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED},
    "ssl_check_hostname": {"false": False, "true": True},
}


def sync_client(*, timeout_s: float, size: int = POOL_SIZE, **options: Any) -> redis.Redis:
    """For any thread. Whatever it is asked, it answers or raises RedisError within about `timeout_s`, or twice that
    where all its connections are in use."""
    # A connection that broke while it lay in the pool is found out when it is used: once more, with a new one.
    options = {"retry": Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))} | options
    pool = redis.BlockingConnectionPool.from_url(
        settings.REDIS_URL,
        max_connections=size,
        timeout=timeout_s,
        socket_timeout=timeout_s,
        **_connect_options(timeout_s),
        **options,
    )
    return redis.Redis.from_pool(pool)


def async_client(*, timeout_s: float, size: int = POOL_SIZE, **options: Any) -> redis.asyncio.Redis:
    """The same for an event loop."""
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        settings.REDIS_URL,
        max_connections=size,
        timeout=timeout_s,
        socket_timeout=timeout_s,
        **_connect_options(timeout_s),
        **options,
    )
    return redis.asyncio.Redis.from_pool(pool)


def listening_client(*, timeout_s: float | None = None) -> redis.asyncio.Redis:
    """One connection that waits for news, `timeout_s` at most: for subscriptions and blocking reads."""
    return redis.asyncio.Redis.from_url(
        settings.REDIS_URL,
        single_connection_client=timeout_s is not None,
        socket_timeout=timeout_s,
        **_connect_options(CONNECT_TIMEOUT_S),
    )


def keep_alive_options() -> dict[int, int]:
    """For `setsockopt` at the level of TCP."""
    names = {"TCP_KEEPINTVL": KEEP_ALIVE_EVERY_S, "TCP_KEEPCNT": KEEP_ALIVE_TIMES}
    names["TCP_KEEPALIVE" if sys.platform == "darwin" else "TCP_KEEPIDLE"] = KEEP_ALIVE_AFTER_S
    return {getattr(socket, name): value for name, value in names.items() if hasattr(socket, name)}


def broker_url(url: str) -> str:
    """Our Redis URL as kombu reads one. What stands after `?` is for `broker_tls`: kombu understands it differently."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return urlunsplit(parts._replace(query=""))
    password = f":{parts.password}@" if parts.password else ""
    number = dict(parse_qsl(parts.query)).get("db", "0")
    return f"redis+socket://{password}{parts.path}?virtual_host={number}"


def broker_tls(url: str) -> dict[str, object] | None:
    """What kombu is told of TLS. Left to itself it would not look at the server's certificate."""
    parts = urlsplit(url)
    if parts.scheme != "rediss":
        return None
    asked = {name: value for name, value in parse_qsl(parts.query) if name.startswith("ssl_")}
    read = {name: _TLS_WORDS.get(name, {}).get(value.lower(), value) for name, value in asked.items()}
    return {"ssl_cert_reqs": ssl.CERT_REQUIRED} | read


def _connect_options(timeout_s: float) -> Mapping[str, Any]:
    limit = {"socket_connect_timeout": min(timeout_s, CONNECT_TIMEOUT_S)}
    if urlsplit(settings.REDIS_URL).scheme == "unix":
        return limit
    return limit | {"socket_keepalive": True, "socket_keepalive_options": keep_alive_options()}
