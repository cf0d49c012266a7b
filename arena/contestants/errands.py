"""What operators have a worker do: an errand is claimed by one worker, can be watched and stopped, and is never lost.

The row says what became of it. While it runs, Redis holds three keys under its run: how far it is, a sign of life that
the worker renews, and the wish to stop it. An errand whose worker died is found by the missing sign of life.
"""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

import redis
import redis.asyncio
from django.utils import timezone

from arena.contestants.models import Errand, ErrandStatus
from arena.redis_connections import async_client, sync_client

TICK_S = 0.3
SIGN_OF_LIFE_S = 10
KEPT_S = 60 * 60
# One that waits longer has perhaps fallen out of the queue.
WAITING_GRACE = timedelta(seconds=10)

State = dict[str, Any]
T = TypeVar("T")
E = TypeVar("E", bound=Errand)

_worker_stops = threading.Event()


class Stopped(Exception):
    """Somebody wished so."""


class Interrupted(Exception):
    """The worker is stopping."""


def interrupt_all() -> None:
    """This process ends: so does whatever it carries out, within a moment."""
    _worker_stops.set()


def claim(kind: type[E], pk: int) -> E | None:
    """The errand, if it still waits; from now on it is ours."""
    waiting = kind._default_manager.filter(pk=pk, status=ErrandStatus.WAITING)
    if not waiting.update(status=ErrandStatus.RUNNING, started_at=timezone.now()):
        return None
    return kind._default_manager.get(pk=pk)


def end(errand: Errand, status: ErrandStatus, **fields: object) -> bool:
    """False if it is not ours any more."""
    ours = type(errand)._default_manager.filter(pk=errand.pk, run=errand.run, status=ErrandStatus.RUNNING)
    return bool(ours.update(status=status, finished_at=timezone.now(), **fields))


def request_stop(errand: Errand) -> None:
    """Raises RedisError if nobody can be told."""
    waiting = type(errand)._default_manager.filter(pk=errand.pk, status=ErrandStatus.WAITING)
    if not waiting.update(status=ErrandStatus.STOPPED, finished_at=timezone.now()):
        _client().set(_stop_key(errand.run), "1", ex=KEPT_S)


def state_of(errand: Errand) -> State:
    """How far it is, as its worker last told; empty where nobody knows."""
    try:
        told = _client().get(_state_key(errand.run))
    except redis.RedisError:
        return {}
    state = json.loads(told) if isinstance(told, bytes) else {}
    return state if isinstance(state, dict) else {}


def stay_alive(errand: Errand, seconds: int) -> None:
    """Give a sign of life that lasts, before work during which no more can be given."""
    with suppress(redis.RedisError):
        _client().set(_life_key(errand.run), "1", ex=seconds)


def without_worker(kind: type[E]) -> list[E]:
    """Those that run although their worker is gone. Raises RedisError."""
    old = timezone.now() - timedelta(seconds=SIGN_OF_LIFE_S)
    running = kind._default_manager.filter(status=ErrandStatus.RUNNING, started_at__lt=old)
    return [errand for errand in running if not _client().exists(_life_key(errand.run))]


def is_to_stop(errand: Errand) -> bool:
    return bool(_client().exists(_stop_key(errand.run)))


def forgotten(kind: type[E]) -> list[E]:
    """Those that wait suspiciously long; they count as queued again from now on."""
    old = kind._default_manager.filter(status=ErrandStatus.WAITING, queued_at__lt=timezone.now() - WAITING_GRACE)
    found = list(old)
    old.update(queued_at=timezone.now())
    return found


async def carry_out(errand: Errand, work: Coroutine[Any, Any, T], state: Callable[[], State]) -> T:
    """Do the work, tell how far it is, end it when that is wished. Raises Stopped, Interrupted, or as the work does."""
    task = asyncio.ensure_future(work)
    client = async_client(timeout_s=2, size=1)
    try:
        while True:
            await _tell(client, errand.run, state())
            done, _ = await asyncio.wait({task}, timeout=TICK_S)
            if done:
                return task.result()
            if _worker_stops.is_set():
                raise Interrupted
            if await _is_stopped(client, errand.run):
                raise Stopped
    finally:
        task.cancel()
        await asyncio.wait({task})
        await _tell(client, errand.run, state())
        await client.aclose()


async def _tell(client: "redis.asyncio.Redis", run: str, state: State) -> None:
    """What cannot be told now is told the next time."""
    try:
        async with client.pipeline(transaction=False) as pipeline:
            pipeline.set(_life_key(run), "1", ex=SIGN_OF_LIFE_S)
            pipeline.set(_state_key(run), json.dumps(state), ex=KEPT_S)
            await pipeline.execute()
    except redis.RedisError:
        return


async def _is_stopped(client: "redis.asyncio.Redis", run: str) -> bool:
    try:
        return bool(await client.exists(_stop_key(run)))
    except redis.RedisError:
        return False


def _life_key(run: str) -> str:
    return f"arena:errand:{run}:alive"


def _state_key(run: str) -> str:
    return f"arena:errand:{run}:state"


def _stop_key(run: str) -> str:
    return f"arena:errand:{run}:stop"


@cache
def _client() -> "redis.Redis":
    return sync_client(timeout_s=2, size=4)
