"""The synchronous Redis client for health checks and start-up; streaming has an asynchronous one of its own."""

from functools import cache
from urllib.parse import urlsplit

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from arena.redis_connections import sync_client

TIMEOUT_S = 1.0


@cache
def client() -> "redis.Redis":
    """One per process, safe in any thread. It answers or fails within TIMEOUT_S: nothing is tried twice."""
    return sync_client(timeout_s=TIMEOUT_S, size=4, retry=Retry(NoBackoff(), 0), decode_responses=True)


def shown_url() -> str:
    """REDIS_URL as it may be shown: without user and password."""
    parts = urlsplit(settings.REDIS_URL)
    if parts.scheme == "unix":
        return f"unix://{parts.path}"
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"
