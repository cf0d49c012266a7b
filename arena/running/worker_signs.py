"""A sign that a worker gives from its main loop while it takes no tasks because all its threads are at work."""

import logging
import os

from celery import bootsteps
from celery.worker import state
from celery.worker.consumer import Consumer
from redis import RedisError

from arena.running import redis_clients
from arena.running.tasks import BUSY_EXPIRES_S, BUSY_KEY, OWN_QUEUE, sign_key

LOOK_EVERY_S = 5.0

logger = logging.getLogger(__name__)


class BusySign(bootsteps.StartStopStep):
    """Begins anew with each connection to Redis, as all timers of a worker do."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, parent: Consumer) -> None:
        parent.timer.call_repeatedly(LOOK_EVERY_S, tell_if_busy, (parent.controller.concurrency,))  # type: ignore[attr-defined]  # the worker it is part of


def tell_if_busy(threads: int) -> None:
    if len(state.active_requests) < threads:
        return
    own_queue = os.environ.get(OWN_QUEUE)
    try:
        for key in (BUSY_KEY, *([sign_key(own_queue)] if own_queue else [])):
            redis_clients.client().set(key, "1", ex=BUSY_EXPIRES_S)
    except (RedisError, OSError) as error:
        logger.warning("that all threads are at work cannot be told: %s", error)
