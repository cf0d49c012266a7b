"""The clock behind `beat`: of all that run, on however many machines, one sends what is due and the others stand by.

Whoever holds the lease in Redis sends. It asks for the lease before each look at the schedule, so that one that was
paused, or cut off, sends nothing once another has taken over. It goes by the monotonic clock: a machine's wall clock
that is set back would silence Celery's own scheduler for as long.
"""

import logging
import time
import uuid
from typing import Any

from celery.beat import Scheduler
from django.conf import settings
from redis import RedisError

from arena.running import redis_clients

LEASE_KEY = "running:clock"
LEASE_S = 5.0
LOOK_EVERY_S = 1.0

# KEYS: lease. ARGV: who asks, lease in ms. Returns 1 if it is theirs.
HOLD_SCRIPT = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

# KEYS: lease. ARGV: who lets go of it.
RELEASE_SCRIPT = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""

logger = logging.getLogger(__name__)


class SharedClock(Scheduler):
    """Whoever takes over sends everything at once, for nobody knows how long nothing was sent."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._name = uuid.uuid4().hex
        self._due: dict[str, float] = {}
        self._redis_is_away = False
        super().__init__(*args, **kwargs)

    def install_default_entries(self, data: object) -> None:
        """None: Celery's own would clean up results, which are not kept."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due; the seconds until the next look."""
        if not self._holds_lease():
            self._due.clear()
            return LOOK_EVERY_S
        now = time.monotonic()
        for name, entry in self.schedule.items():
            if now >= self._due.get(name, now):
                self._due[name] = now + settings.CELERY_BEAT_SCHEDULE[name]["schedule"]
                self.apply_entry(entry, producer=self.producer)
        return max(0.0, min(LOOK_EVERY_S, *(due - now for due in self._due.values())))

    def close(self) -> None:
        """Another need not wait for the lease to run out."""
        try:
            redis_clients.client().eval(RELEASE_SCRIPT, 1, LEASE_KEY, self._name)
        except (RedisError, OSError):
            logger.info("the lease of the clock is left to expire")
        super().close()

    def _holds_lease(self) -> bool:
        try:
            held = redis_clients.client().eval(HOLD_SCRIPT, 1, LEASE_KEY, self._name, str(int(LEASE_S * 1000)))
        except (RedisError, OSError) as error:
            if not self._redis_is_away:
                logger.warning("nothing can be sent while Redis is away: %s", error)
            self._redis_is_away = True
            return False
        self._redis_is_away = False
        return bool(held)
