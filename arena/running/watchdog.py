"""Does the worker still take tasks? One that is alive and takes none is worse than a dead one: nobody restarts it."""

import time
from collections.abc import Callable

from kombu.exceptions import OperationalError
from redis import RedisError

from arena.running import redis_clients
from arena.running.tasks import BUSY_KEY, HEARTBEAT_KEY, heartbeat

LOOK_EVERY_S = 5.0
# Asked by ourselves after this time: it may be beat that sends no heartbeats.
ASK_AFTER_S = 30.0
HUNG_AFTER_S = 60.0


class WorkerWatch:
    """Call `is_hung()` often. Time is counted only while Redis answers, for without it nobody can take tasks."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
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
        if self._gives_signs():
            self._alive_at = now
        silent_s = now - self._alive_at
        if silent_s > ASK_AFTER_S:
            self._ask()
        return silent_s > HUNG_AFTER_S

    def _gives_signs(self) -> bool:
        """It took a task lately, or all its threads are at work; also true where nobody can tell."""
        try:
            return bool(redis_clients.client().exists(HEARTBEAT_KEY, BUSY_KEY))
        except (RedisError, OSError):
            return True

    def _ask(self) -> None:
        try:
            heartbeat.apply_async(retry=False)
        except (OperationalError, OSError):
            return
