"""The task that shows that a worker takes tasks."""

import time

from celery import shared_task

from arena.running import redis_clients

HEARTBEAT_KEY = "running:heartbeat"
# Beat sends one each 5 s; after four missed ones nobody can be said to take tasks.
HEARTBEAT_EXPIRES_S = 20
TOKEN_EXPIRES_S = 120
# Set while all threads of a worker are at work: then heartbeats wait, and nothing is wrong.
BUSY_KEY = "running:busy"
BUSY_EXPIRES_S = 20


def token_key(token: str) -> str:
    return f"running:taken:{token}"


# Heartbeats that pile up while there is no worker are worth nothing: they expire in the queue.
@shared_task(name="running.heartbeat", expires=HEARTBEAT_EXPIRES_S)
def heartbeat(token: str = "") -> None:
    """Leave a sign with a time; with a token, also show that this very task was taken."""
    redis = redis_clients.client()
    redis.set(HEARTBEAT_KEY, f"{time.time():.3f}", ex=HEARTBEAT_EXPIRES_S)
    if token:
        redis.set(token_key(token), "1", ex=TOKEN_EXPIRES_S)
