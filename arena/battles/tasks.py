"""Background doors of a battle: play it, sweep up after dead workers; and how the other doors reach them.

The functions that enqueue or announce act once the transaction is committed, and never raise: what a lost Redis
swallows, the sweep finds in the database.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from uuid import UUID

import redis
from celery import shared_task
from celery.signals import worker_shutting_down
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

from arena.battles import charges, event_log, runs
from arena.battles.events import BallotCast, Event, ResponseRestarted, ResponseStopped, Revealed, TurnAdded
from arena.battles.models import Battle, Response, Turn
from arena.battles.services import Stop
from arena.battles.worker_loop import WorkerLoop

logger = logging.getLogger(__name__)

# The sweep enqueues a waiting battle at most so often, lest a busy queue fill with copies.
ENQUEUE_AGAIN_S = 30
RETRY_ONCE = {"max_retries": 1, "interval_start": 0, "interval_step": 0.2}

_redis: redis.Redis = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=2)


@shared_task(name="battles.play")
def play(battle_id: str) -> None:
    runs.play_waiting(UUID(battle_id), _redis)


@shared_task(name="battles.sweep")
def sweep() -> None:
    for run_id in runs.stops_unheard():
        _redis.publish(event_log.STOP_CHANNEL, run_id)
    for battle_id in runs.sweep(_redis):
        if _redis.set(f"arena:battle:{battle_id}:enqueued", "1", nx=True, ex=ENQUEUE_AGAIN_S):
            play.delay(str(battle_id))


@shared_task(name="battles.keep_books")
def keep_books() -> None:
    charges.measure_answers()
    charges.forget_past_days()


@worker_shutting_down.connect
def end_runs(**kwargs: object) -> None:
    """The worker leaves: its runs end now, and what is unfinished is handed over."""
    WorkerLoop.stop_if_running()


def enqueue_turn(turn: Turn) -> None:
    _on_commit(_enqueue, turn.battle_id)


def enqueue_retry(response: Response) -> None:
    _on_commit(_enqueue, response.turn.battle_id)


def announce_turn(turn: Turn) -> None:
    _on_commit(_publish, turn.battle_id, TurnAdded(turn.index, turn.prompt))


def announce_stop(battle: Battle, stop: Stop) -> None:
    """Tell the workers to stop what they play, and the browsers what was stopped before any worker had it."""
    if stop.runs:
        _on_commit(_stop, stop.runs)
    if stop.ended:
        _on_commit(_publish, battle.pk, *chain.from_iterable(map(_stopped_unclaimed, stop.ended)))


def _stopped_unclaimed(response: Response) -> list[Event]:
    """What an earlier attempt had written may still be shown: the stopped one has written nothing."""
    place = response.seat.slot, response.turn.index
    return [*([ResponseRestarted(*place)] if response.attempt > 1 else []), ResponseStopped(*place)]


def announce_ballots(battle: Battle, count: int) -> None:
    """Tell the browsers how many ballots there are; those who may see the names now will fetch them."""
    _on_commit(_publish, battle.pk, BallotCast(count), Revealed())


def _on_commit(act: Callable[..., None], *arguments: object) -> None:
    transaction.on_commit(partial(_without_raising, act, *arguments))


def _without_raising(act: Callable[..., None], *arguments: object) -> None:
    try:
        act(*arguments)
    except (redis.RedisError, OperationalError) as error:
        logger.warning("Redis is away: %s", error)


def _enqueue(battle_id: UUID) -> None:
    # Tried again at once: a connection kept from before a restart of Redis is found broken only now.
    play.apply_async((str(battle_id),), retry=True, retry_policy=RETRY_ONCE)


def _publish(battle_id: UUID, *events: Event) -> None:
    event_log.publish(_redis, battle_id, events)


def _stop(run_ids: Sequence[str]) -> None:
    for run_id in run_ids:
        _redis.publish(event_log.STOP_CHANNEL, run_id)
