"""Background doors of a battle: play it, sweep up after dead workers; and how the other doors reach them.

The functions that enqueue or announce act once the transaction is committed, and never raise: what a lost Redis
swallows, the sweep finds in the database.
"""

import logging
import random
import threading
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from uuid import UUID

import redis
from celery import shared_task
from celery.signals import celeryd_after_setup, worker_ready, worker_shutdown, worker_shutting_down
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection, transaction
from kombu.exceptions import OperationalError

from arena.battles import charges, event_log, runs, workers
from arena.battles.events import BallotCast, Event, ResponseRestarted, ResponseStopped, Revealed, TurnAdded
from arena.battles.models import Battle, Response, Turn
from arena.battles.orphans import Sweeper
from arena.battles.services import Stop
from arena.battles.worker_loop import WorkerLoop
from arena.contestants.identity.learning import learn_meanwhile
from arena.redis_connections import sync_client

logger = logging.getLogger(__name__)

SWEEP_PAUSE_MAX_S = 5.0
RETRY_ONCE = {"max_retries": 1, "interval_start": 0, "interval_step": 0.2}

_redis = sync_client(timeout_s=5)


@shared_task(name="battles.play")
def play(battle_id: str) -> None:
    """A worker that leaves plays no more: it puts back what it took, and what it could not finish, for the others."""
    if WorkerLoop.is_leaving or runs.play_waiting(UUID(battle_id), _redis):
        _without_raising(_enqueue, battle_id)


@shared_task(name="battles.keep_books")
def keep_books() -> None:
    charges.measure_answers()
    charges.forget_past_days()


def sweep() -> None:
    """One look for what nobody plays. Raises RedisError or DatabaseError."""
    _sweeper.look()


@celeryd_after_setup.connect
def show_life(**kwargs: object) -> None:
    workers.show_life()


@worker_ready.connect
def learn_names(**kwargs: object) -> None:
    learn_meanwhile()


@worker_ready.connect
def begin_to_sweep(**kwargs: object) -> None:
    """In a thread of its own: a worker whose threads are all at work takes no tasks, perhaps for an hour."""
    if settings.ARENA_SWEEP_EVERY_S:
        threading.Thread(target=_sweep_for_ever, name="sweeper", daemon=True).start()


@worker_shutting_down.connect
def end_runs(**kwargs: object) -> None:
    """The worker leaves: what it plays may end, for a while; what is unfinished then is handed over."""
    WorkerLoop.leave(settings.ARENA_STOP_GRACE_S)


@worker_shutdown.connect
def take_leave(**kwargs: object) -> None:
    """All threads have ended."""
    _leaves.set()
    workers.leave()


def enqueue(battle_id: UUID) -> None:
    """Have what waits in this battle played."""
    _on_commit(_enqueue, battle_id)


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


def _sweep_for_ever() -> None:
    pause_s = settings.ARENA_SWEEP_EVERY_S
    while True:
        try:
            sweep()
            pause_s = settings.ARENA_SWEEP_EVERY_S
        except (redis.RedisError, DatabaseError) as error:
            pause_s = min(pause_s * 2, SWEEP_PAUSE_MAX_S)
            logger.warning("what nobody plays cannot be looked for: %s; trying again in about %.0f s", error, pause_s)
            connection.close()  # it may be broken
        except Exception:  # the outermost line of the thread: without it nothing would be taken over any more
            logger.exception("the sweep broke")
        if "pool" in connection.settings_dict["OPTIONS"]:
            connection.close()
        if _leaves.wait(pause_s * random.uniform(0.8, 1.0)):
            return


def _without_raising(act: Callable[..., None], *arguments: object) -> None:
    try:
        act(*arguments)
    except (redis.RedisError, OperationalError) as error:
        logger.warning("Redis is away: %s", error)


def _enqueue(battle_id: UUID | str) -> None:
    # Tried again at once: a connection kept from before a restart of Redis is found broken only now.
    play.apply_async((str(battle_id),), retry=True, retry_policy=RETRY_ONCE)


def _publish(battle_id: UUID, *events: Event) -> None:
    event_log.publish(_redis, battle_id, events)


def _stop(run_ids: Sequence[str]) -> None:
    for run_id in run_ids:
        _redis.publish(event_log.STOP_CHANNEL, run_id)


_sweeper = Sweeper(_redis, enqueue=partial(_without_raising, _enqueue))
_leaves = threading.Event()
