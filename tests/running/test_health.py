import asyncio
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import LazySettings
from django.db import InterfaceError, OperationalError
from django.test import AsyncClient, Client

from arena.running import handler, health, redis_clients
from arena.running.health import Health, Probe
from arena.running.tasks import HEARTBEAT_KEY, heartbeat, token_key
from tests.live import LiveArena, wait_until


@pytest.fixture
def no_worker() -> None:
    redis_clients.client().delete(HEARTBEAT_KEY)


@pytest.fixture
def lost_redis(settings: LazySettings) -> Iterator[None]:
    settings.REDIS_URL = "unix:///nowhere.sock"
    redis_clients.client.cache_clear()
    yield
    redis_clients.client.cache_clear()


def test_healthz_says_that_the_process_is_up(client: Client) -> None:
    assert client.get("/healthz").content == b"ok\n"


def ask_by_address(live_arena: LiveArena, path: str) -> int:
    request = urllib.request.Request(f"{live_arena.url}{path}", headers={"Host": "10.0.3.17:8000"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_balancers_may_ask_by_any_address(live_arena: LiveArena) -> None:
    heartbeat.delay()
    assert ask_by_address(live_arena, "/healthz") == 200
    wait_until(lambda: ask_by_address(live_arena, "/readyz") == 200, "all parts")
    assert ask_by_address(live_arena, "/") == 400


@pytest.mark.django_db(transaction=True)
async def test_readyz_names_every_part_when_all_is_well(async_client: AsyncClient) -> None:
    heartbeat()
    page = await async_client.get("/readyz")
    assert page.status_code == 200
    parts = page.json()
    assert parts.pop("worker")["state"].startswith("took a task ")
    assert parts == {
        "status": "ready",
        "database": {"ok": True, "state": "answers"},
        "redis": {"ok": True, "state": "answers"},
    }


@pytest.mark.django_db(transaction=True)
async def test_readyz_refuses_while_no_worker_takes_tasks(async_client: AsyncClient, no_worker: None) -> None:
    page = await async_client.get("/readyz")
    assert page.status_code == 503
    assert page.json()["status"] == "not ready"
    assert page.json()["worker"] == {"ok": False, "state": "has taken no task lately"}


@pytest.mark.django_db(transaction=True)
async def test_readyz_refuses_while_redis_is_away(async_client: AsyncClient, lost_redis: None) -> None:
    page = await async_client.get("/readyz")
    assert page.status_code == 503
    assert page.json()["redis"] == {"ok": False, "state": "does not answer"}
    assert page.json()["database"]["ok"] is True


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_database_that_breaks_in_any_way_does_not_answer(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise error("connection already closed")

    monkeypatch.setattr(health.connection, "cursor", broken)
    assert health.database_health() == Health(ok=False, state="does not answer")


async def test_readyz_is_only_asked(async_client: AsyncClient) -> None:
    page = await async_client.post("/readyz")
    assert page.status_code == 405


async def test_a_part_that_hangs_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "LIMIT_S", 0.05)
    with probe_that_hangs() as (probe, calls):
        assert await probe.health() == Health(ok=False, state="has not answered within 0.05 s")
    assert len(calls) == 1


async def test_a_part_that_hangs_is_not_asked_a_second_time_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "LIMIT_S", 0.02)
    with probe_that_hangs() as (probe, calls):
        for _ in range(5):
            assert not (await probe.health()).ok
    assert len(calls) == 1


def test_a_heartbeat_with_a_token_shows_that_this_very_task_was_taken() -> None:
    heartbeat("this one")
    assert redis_clients.client().exists(token_key("this one"))
    assert not redis_clients.client().exists(token_key("another"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probes_are_answered_while_all_threads_wait(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def none_is_free(function: object) -> None:
        await asyncio.Event().wait()

    heartbeat()
    monkeypatch.setattr(handler, "in_web_thread", none_is_free)
    scope = {"type": "http", "method": "GET", "path": path, "headers": [(b"host", b"10.0.3.17")], "query_string": b""}
    asked = ApplicationCommunicator(handler.Handler(lambda page: page), scope)
    await asked.send_input({"type": "http.request", "body": b"", "more_body": False})
    assert (await asked.receive_output(60))["status"] == 200
    await asked.wait(60)


@contextmanager
def probe_that_hangs() -> Iterator[tuple[Probe, list[str]]]:
    """Until the end of the block, however long that takes; and what it was asked."""
    calls: list[str] = []
    released = threading.Event()

    def hang() -> Health:
        calls.append("asked")
        released.wait()
        return Health(ok=True, state="answers")

    try:
        yield Probe(hang), calls
    finally:
        released.set()
        wait_until(lambda: calls, "the thread that was started")
