"""A worker that is alive and takes no tasks: told from one that is busy, and ended."""

import subprocess
from collections.abc import Iterator
from functools import partial

import pytest
from celery.worker import state
from redis import ConnectionError as RedisConnectionError
from redis import Redis

from arena.running import redis_clients, worker_signs
from arena.running.children import Guard, spawn
from arena.running.health import worker_health
from arena.running.supervisor import Child, Supervisor
from arena.running.tasks import BUSY_KEY, HEARTBEAT_KEY
from arena.running.watchdog import HUNG_AFTER_S, LOOK_EVERY_S, WorkerWatch
from tests.live import wait_until


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def client() -> "Iterator[Redis]":
    client = redis_clients.client()
    client.delete(HEARTBEAT_KEY, BUSY_KEY)
    yield client
    client.delete(HEARTBEAT_KEY, BUSY_KEY, "celery")


def gone() -> Redis:
    raise RedisConnectionError("nobody listens")


def looks(watch: WorkerWatch, clock: Clock, seconds: float) -> list[bool]:
    found = []
    for _ in range(int(seconds / LOOK_EVERY_S)):
        clock.now += LOOK_EVERY_S
        found.append(watch.is_hung())
    return found


def test_worker_without_a_sign_for_a_minute_hangs(client: Redis) -> None:
    clock = Clock()
    watch = WorkerWatch(clock)
    assert not any(looks(watch, clock, HUNG_AFTER_S))
    assert looks(watch, clock, LOOK_EVERY_S) == [True]


def test_it_is_asked_before_it_is_given_up(client: Redis) -> None:
    clock = Clock()
    looks(WorkerWatch(clock), clock, HUNG_AFTER_S)
    assert client.llen("celery")


@pytest.mark.parametrize("key", [HEARTBEAT_KEY, BUSY_KEY])
def test_worker_that_gives_a_sign_does_not_hang(client: Redis, key: str) -> None:
    clock = Clock()
    watch = WorkerWatch(clock)
    client.set(key, "1")
    assert not any(looks(watch, clock, 3 * HUNG_AFTER_S))
    client.delete(key)
    assert not any(looks(watch, clock, HUNG_AFTER_S))


def test_time_without_redis_is_not_held_against_it(client: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    watch = WorkerWatch(clock)
    with monkeypatch.context() as away:
        away.setattr(redis_clients, "client", gone)
        assert not any(looks(watch, clock, 3 * HUNG_AFTER_S))
    assert not any(looks(watch, clock, HUNG_AFTER_S))


def test_worker_with_all_threads_at_work_is_healthy(client: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "active_requests", {"one", "two"})
    worker_signs.tell_if_busy(3)
    assert not worker_health().ok
    worker_signs.tell_if_busy(2)
    assert worker_health().ok
    assert worker_health().state == "all its threads are at work"


def test_hung_worker_is_ended_and_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor = Supervisor()
    supervisor._guard = Guard()
    start = partial(spawn, ["sleep", "600"], stdout=subprocess.PIPE)
    worker = supervisor.children["worker"] = Child("worker", start, supervisor._write_line)
    supervisor._start(worker)
    assert worker.process is not None
    first = worker.process.pid
    monkeypatch.setattr(supervisor.watch, "is_hung", lambda: True)
    supervisor._end_hung_worker()
    wait_until(lambda: supervisor._turn(0.05) or (worker.process and worker.process.pid != first), "the next worker")
    supervisor._stop_all()
    supervisor._guard.dismiss()
