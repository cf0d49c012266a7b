"""The leaderboard in the background: one refresh for all ballots of a second, and the last ballot is always in it."""

import logging
from contextlib import suppress

import redis
from celery import shared_task
from kombu.exceptions import OperationalError
from redis.backoff import NoBackoff
from redis.exceptions import LockNotOwnedError
from redis.retry import Retry

from arena.leaderboard import services
from arena.redis_connections import sync_client

logger = logging.getLogger(__name__)

REFRESH_AFTER_S = 1.0
# Set while a refresh is on its way. It runs out in case the task is lost; the beat schedule asks again too.
DUE = "leaderboard:due"
DUE_LASTS_S = 15
# Held while a refresh runs, so that an older count is never saved after a newer one. It runs out in case its worker was
# killed; should a refresh take longer, the beat schedule puts right what it saves too late.
RUNNING = "leaderboard:running"
RUNNING_LASTS_S = 30
AGAIN_AFTER_S = 2.0


@shared_task(name="leaderboard.refresh")
def refresh() -> None:
    """Refresh the boards, one at a time: while another runs, this one is put off. To wait here would keep a worker that
    is to leave.

    The mark is taken away before the ballots are read: a ballot that comes later finds no mark and asks for a refresh
    of its own, one that came before is read now.
    """
    with _connect() as client:
        client.delete(DUE)
        running = client.lock(RUNNING, timeout=RUNNING_LASTS_S)
        if not running.acquire(blocking=False):
            return request_refresh(after_s=AGAIN_AFTER_S)
        try:
            for snapshot in services.refresh_leaderboard():
                logger.info("The %s board now counts %d ballots.", snapshot.board, snapshot.ballots)
        finally:
            with suppress(LockNotOwnedError):
                running.release()


def request_refresh(*, after_s: float = REFRESH_AFTER_S) -> None:
    """Have the boards refreshed soon. Never raises: a lost Redis delays the leaderboard, nothing else."""
    try:
        with _connect() as client:
            if client.set(DUE, 1, nx=True, ex=DUE_LASTS_S):
                refresh.apply_async(countdown=after_s, retry=False)
    except (redis.RedisError, OperationalError, OSError) as error:
        logger.warning("The leaderboard will be refreshed later; Redis cannot be reached: %s", error)


def _connect() -> redis.Redis:
    """Impatient, because a voter waits for `request_refresh`."""
    return sync_client(timeout_s=2, size=1, retry=Retry(NoBackoff(), 0))
