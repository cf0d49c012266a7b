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
# The supervisor's, to its worker: the name of a queue that no other worker takes tasks from.
OWN_QUEUE = "ARENA_OWN_QUEUE"


def token_key(token: str) -> str:
    return f"running:taken:{token}"


def sign_key(own_queue: str) -> str:
    return f"running:sign:{own_queue}"


# Heartbeats that pile up while there is no worker are worth nothing: they expire in the queue.
@shared_task(name="running.heartbeat", expires=HEARTBEAT_EXPIRES_S)
def heartbeat(token: str = "", own_queue: str = "") -> None:
    """Leave a sign with a time; with a token, also show that this very task was taken, and with a worker's own queue,
    that it was this worker."""
    redis = redis_clients.client()
    redis.set(HEARTBEAT_KEY, f"{time.time():.3f}", ex=HEARTBEAT_EXPIRES_S)
    if token:
        redis.set(token_key(token), "1", ex=TOKEN_EXPIRES_S)
    if own_queue:
        redis.set(sign_key(own_queue), "1", ex=HEARTBEAT_EXPIRES_S)
