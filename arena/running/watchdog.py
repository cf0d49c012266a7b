"""Does the worker still take tasks? One that is alive and takes none is worse than a dead one: nobody restarts it.

It is asked on a queue of its own: where several machines share a Redis, the others' signs tell nothing about this one.
"""

import socket
import time
from collections.abc import Callable
from hashlib import sha256

from django.conf import settings
from kombu.exceptions import OperationalError
from redis import RedisError

from arena.running import redis_clients
from arena.running.tasks import heartbeat, sign_key

LOOK_EVERY_S = 5.0
HUNG_AFTER_S = 60.0


def own_queue() -> str:
    """The same after a restart, lest Redis fill with the names of queues; another for each machine and folder."""
    return f"worker.{sha256(f'{socket.gethostname()} {settings.VAR_DIR}'.encode()).hexdigest()[:12]}"


class WorkerWatch:
    """Call `is_hung()` often. Time is counted only while Redis answers, for without it nobody can take tasks."""

    def __init__(self, queue: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._queue = queue
        self._clock = clock
        self._look_at = 0.0
        self.begin()

    def begin(self) -> None:
        """The worker has just been started."""
        self._alive_at = self._clock()

    def is_hung(self) -> bool:
        now = self._clock()
        if now < self._look_at:
            return False
        self._look_at = now + LOOK_EVERY_S
        try:
            gives_signs = bool(redis_clients.client().exists(sign_key(self._queue)))
            self._ask()
        except (RedisError, OperationalError, OSError):
            gives_signs = True  # nobody can tell
        if gives_signs:
            self._alive_at = now
        return now - self._alive_at > HUNG_AFTER_S

    def _ask(self) -> None:
        heartbeat.apply_async(kwargs={"own_queue": self._queue}, queue=self._queue, retry=False)
