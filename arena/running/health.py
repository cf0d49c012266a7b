"""Are the database, Redis and a worker there? Each question is answered within LIMIT_S, whatever hangs behind it."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError, connection
from redis import RedisError

from arena.running import redis_clients
from arena.running.tasks import BUSY_KEY, HEARTBEAT_KEY

LIMIT_S = 2.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Health:
    """One part, and its state in words."""

    ok: bool
    state: str


def database_health() -> Health:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM django_migrations LIMIT 1")
            cursor.fetchone()
    except (DatabaseError, InterfaceError) as error:
        logger.warning("the database does not answer: %s", error)
        return Health(ok=False, state="does not answer")
    finally:
        connection.close()
    return Health(ok=True, state="answers")


def redis_health() -> Health:
    try:
        redis_clients.client().ping()
    except (RedisError, OSError) as error:
        logger.warning("Redis does not answer: %s", error)
        return Health(ok=False, state="does not answer")
    return Health(ok=True, state="answers")


def worker_health() -> Health:
    try:
        beat = redis_clients.client().get(HEARTBEAT_KEY)
        is_busy = not beat and redis_clients.client().exists(BUSY_KEY)
    except (RedisError, OSError):
        return Health(ok=False, state="unknown while Redis does not answer")
    if is_busy:
        return Health(ok=True, state="all its threads are at work")
    if not isinstance(beat, str):
        return Health(ok=False, state="has taken no task lately")
    age = max(0, round(time.time() - float(beat)))
    return Health(ok=True, state=f"took a task {age} s ago")


class Probe:
    """A check in a thread of its own, one at a time: one that hangs is waited for, never started twice."""

    def __init__(self, check: Callable[[], Health]) -> None:
        self.check = check
        self._lock = threading.Lock()
        self._running: Future[Health] | None = None

    async def health(self) -> Health:
        future = asyncio.wrap_future(self._future())
        try:
            # Shielded: the thread can't be stopped, and the next question may still get its answer.
            return await asyncio.wait_for(asyncio.shield(future), LIMIT_S)
        except TimeoutError:
            return Health(ok=False, state=f"has not answered within {LIMIT_S:g} s")

    def _future(self) -> Future[Health]:
        with self._lock:
            if self._running is None or self._running.done():
                self._running = Future()
                threading.Thread(target=self._run, args=(self._running,), daemon=True).start()
            return self._running

    def _run(self, future: Future[Health]) -> None:
        try:
            future.set_result(self.check())
        except Exception as error:  # noqa: BLE001  # the outermost line of this thread: the asker gets it
            future.set_exception(error)


PROBES = {"database": Probe(database_health), "redis": Probe(redis_health), "worker": Probe(worker_health)}


async def readiness() -> dict[str, Health]:
    """Every part's health, asked at the same time."""
    found = await asyncio.gather(*(probe.health() for probe in PROBES.values()))
    return dict(zip(PROBES, found, strict=True))
