"""A worker that is alive and takes no tasks: told from one that is busy, and ended."""

import socket
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from celery.worker import state
from django.conf import LazySettings
from redis import ConnectionError as RedisConnectionError
from redis import Redis

from arena.running import health, redis_clients, worker_signs
from arena.running.children import Guard, spawn
from arena.running.health import worker_health
from arena.running.supervisor import Child, Supervisor
from arena.running.tasks import OWN_QUEUE, heartbeat, sign_key
from arena.running.watchdog import HUNG_AFTER_S, LOOK_EVERY_S, WorkerWatch, own_queue
from tests.live import wait_until


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


QUEUE = "test-worker"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The worker of other tests would answer, and keep the real keys fresh."""
    asked: list[object] = []
    monkeypatch.setattr(heartbeat, "apply_async", lambda **options: asked.append(options["queue"]))
    for module in (worker_signs, health):
        for name in ("HEARTBEAT_KEY", "BUSY_KEY"):
            monkeypatch.setattr(module, name, f"test:watchdog:{name}", raising=False)
    return asked


@pytest.fixture
def client(asked: list[object]) -> Iterator[Redis]:
    client = redis_clients.client()
    yield client
    client.delete(sign_key(QUEUE), worker_signs.BUSY_KEY)


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
    watch = WorkerWatch(QUEUE, clock)
    assert not any(looks(watch, clock, HUNG_AFTER_S))
    assert looks(watch, clock, LOOK_EVERY_S) == [True]


def test_it_is_asked_on_its_own_queue(client: Redis, asked: list[object]) -> None:
    clock = Clock()
    looks(WorkerWatch(QUEUE, clock), clock, HUNG_AFTER_S)
    assert set(asked) == {QUEUE}


def test_worker_that_answers_does_not_hang(client: Redis) -> None:
    clock = Clock()
    watch = WorkerWatch(QUEUE, clock)
    heartbeat(own_queue=QUEUE)
    assert not any(looks(watch, clock, 3 * HUNG_AFTER_S))
    client.delete(sign_key(QUEUE))
    assert not any(looks(watch, clock, HUNG_AFTER_S))


def test_signs_of_other_workers_tell_nothing(client: Redis) -> None:
    clock = Clock()
    watch = WorkerWatch(QUEUE, clock)
    heartbeat()
    heartbeat(own_queue="worker-of-another-machine")
    assert any(looks(watch, clock, HUNG_AFTER_S + LOOK_EVERY_S))


def test_worker_whose_threads_are_all_at_work_does_not_hang(client: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    watch = WorkerWatch(QUEUE, clock)
    monkeypatch.setattr(state, "active_requests", {"one"})
    monkeypatch.setenv(OWN_QUEUE, QUEUE)
    worker_signs.tell_if_busy(1)
    assert not any(looks(watch, clock, 3 * HUNG_AFTER_S))


def test_every_machine_and_folder_has_a_queue_of_its_own(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues = {own_queue(), own_queue()}
    settings.VAR_DIR = Path("/elsewhere")
    queues.add(own_queue())
    monkeypatch.setattr(socket, "gethostname", lambda: "another")
    queues.add(own_queue())
    assert len(queues) == 3


def test_time_without_redis_is_not_held_against_it(client: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    watch = WorkerWatch(QUEUE, clock)
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
