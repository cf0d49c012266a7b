"""Models that take their time to load, lines before them, and what `/api/ps` tells of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from time import monotonic

import httpx
import ollama
import pytest

from arena.contestants.simulator.generation import Message
from arena.contestants.simulator.scheduling import QUEUE_MAX, keep_alive_s
from arena.contestants.simulator.server import Simulator

ASK: list[Message] = [{"role": "user", "content": "Go."}]
PATHS = ("/api/chat", "/v1/chat/completions", "/v1/responses", "/v1/messages")
LOADING = "load?tokens=3&rate=0&load-time=0.3"
FOR_EVER = "load?tokens=1&rate=0&load-time=3600"
TO_ITS_END = {"options": {"fault": ""}}
ENDLESS = "load?tokens=3&rate=0&parallel=1&fault=never-ends"


@pytest.fixture
async def official(simulator: Simulator) -> AsyncIterator[ollama.AsyncClient]:
    opened = ollama.AsyncClient(host=simulator.url, trust_env=False)
    yield opened
    await opened.close()


def body_for(path: str, model: str) -> dict[str, object]:
    if path == "/v1/responses":
        return {"model": model, "stream": True, "input": "Go."}
    return {"model": model, "stream": True, "messages": ASK, "max_tokens": 9}


@asynccontextmanager
async def asking(client: httpx.AsyncClient, path: str, model: str) -> AsyncIterator[httpx.Response]:
    headers = {"anthropic-version": "2023-06-01"} if path == "/v1/messages" else {}
    async with client.stream("POST", path, json=body_for(path, model), headers=headers) as page:
        yield page


async def text_seen(chunks: AsyncIterator[bytes], wanted: bytes) -> None:
    """Returns once it has come. `chunks` stays open: an iteration that is given up would close the connection."""
    received = b""
    async with asyncio.timeout(30):
        while wanted not in received:
            received += await anext(chunks)


async def running(client: httpx.AsyncClient, holds: Callable[[list[str]], bool]) -> list[str]:
    """The names that `/api/ps` lists, once `holds`."""
    async with asyncio.timeout(30):
        while True:
            listed = (await client.get("/api/ps")).json()["models"]
            names = [model["name"] for model in listed]
            if holds(names):
                return names


async def open_streams(client: httpx.AsyncClient, count: int) -> None:
    async with asyncio.timeout(30):
        while (await client.get("/simulator/state")).json()["open_streams"] != count:
            continue


@pytest.mark.parametrize("path", PATHS)
async def test_model_is_listed_while_it_loads_and_answers_then(client: httpx.AsyncClient, path: str) -> None:
    async def whole() -> bytes:
        async with asking(client, path, LOADING) as page:
            return await page.aread()

    answer = asyncio.create_task(whole())
    await running(client, lambda names: names == [f"{LOADING}:latest"])
    assert b"t2 " in await answer


async def test_expiry_moves_along_until_the_model_is_idle(client: httpx.AsyncClient) -> None:
    async def expiry() -> str:
        return str((await client.get("/api/ps")).json()["models"][0]["expires_at"])

    loading = asyncio.create_task(client.post("/api/chat", json=body_for("/api/chat", FOR_EVER)))
    await running(client, lambda names: names == [f"{FOR_EVER}:latest"])
    first = await expiry()
    assert await expiry() > first
    loading.cancel()
    await running(client, lambda names: names == [])
    await client.post("/api/chat", json=body_for("/api/chat", LOADING))
    began, idle = monotonic(), datetime.fromisoformat(await expiry())
    looks = [datetime.fromisoformat(await expiry()) for _ in range(30)]
    assert abs((looks[-1] - idle).total_seconds()) < (monotonic() - began) / 2


async def test_model_that_waits_for_room_is_not_listed(client: httpx.AsyncClient) -> None:
    late, soon = f"{FOR_EVER}&listed-after=3600", f"{FOR_EVER}&listed-after=0.05"
    without_room = asyncio.create_task(client.post("/api/chat", json=body_for("/api/chat", late)))
    await open_streams(client, 1)
    with_room = asyncio.create_task(client.post("/api/chat", json=body_for("/api/chat", soon)))
    await running(client, lambda names: names == [f"{soon}:latest"])
    for waiting in (without_room, with_room):
        assert not waiting.done()
        waiting.cancel()


async def test_load_time_is_told_in_the_answer(official: ollama.AsyncClient) -> None:
    first = await official.chat(LOADING, ASK)
    second = await official.chat(LOADING, ASK)
    assert first.load_duration == 300_000_000
    assert first.total_duration and first.total_duration >= first.load_duration
    assert second.load_duration and second.load_duration < first.load_duration


async def test_others_wait_with_the_first_one(client: httpx.AsyncClient, simulator: Simulator) -> None:
    pages = await asyncio.gather(
        *(client.post("/api/chat", json=body_for("/api/chat", f"{LOADING}&parallel=1")) for _ in range(3))
    )
    assert all(b"t2 " in page.content for page in pages)
    assert simulator.counts.finished_streams == 3


async def test_client_that_leaves_stops_the_loading(client: httpx.AsyncClient, simulator: Simulator) -> None:
    leaving = asyncio.create_task(client.post("/api/chat", json=body_for("/api/chat", FOR_EVER)))
    await running(client, lambda names: names == [f"{FOR_EVER}:latest"])
    leaving.cancel()
    await running(client, lambda names: names == [])
    assert simulator.counts.streams_closed_by_client == 1


async def test_next_in_line_loads_it_when_the_first_one_leaves(client: httpx.AsyncClient) -> None:
    body = body_for("/api/chat", FOR_EVER)
    leaving = asyncio.create_task(client.post("/api/chat", json=body))
    await open_streams(client, 1)
    waiting = asyncio.create_task(client.post("/api/chat", json=body | {"options": {"load-time": 0.01}}))
    await open_streams(client, 2)
    leaving.cancel()
    assert b"t0 " in (await waiting).content


@pytest.mark.parametrize("path", PATHS)
async def test_requests_wait_in_line_and_are_served_in_order(client: httpx.AsyncClient, path: str) -> None:
    async with asking(client, path, ENDLESS) as first:
        chunks = first.aiter_raw()
        await text_seen(chunks, b"t2 ")
        waiting = [
            asyncio.create_task(client.post("/api/chat", json=body_for("/api/chat", ENDLESS) | TO_ITS_END))
            for _ in range(2)
        ]
        await open_streams(client, 3)
        assert not any(task.done() for task in waiting)
        await first.aclose()
    assert [b"t0 " in (await task).content for task in waiting] == [True, True]


async def test_as_many_as_wanted_are_served_at_once(client: httpx.AsyncClient) -> None:
    model = ENDLESS.replace("parallel=1", "parallel=2")
    async with asking(client, "/api/chat", model) as first, asking(client, "/v1/messages", model) as second:
        await asyncio.gather(text_seen(first.aiter_raw(), b"t2 "), text_seen(second.aiter_raw(), b"t2 "))


async def test_one_that_leaves_the_line_is_not_served(client: httpx.AsyncClient, simulator: Simulator) -> None:
    async with asking(client, "/api/chat", ENDLESS) as first:
        chunks = first.aiter_raw()
        await text_seen(chunks, b"t2 ")
        leaving = asyncio.create_task(client.post("/api/chat", json=body_for("/api/chat", ENDLESS)))
        await open_streams(client, 2)
        leaving.cancel()
        await open_streams(client, 1)
        await first.aclose()
    await open_streams(client, 0)
    assert simulator.counts.streams_closed_by_client == 2


async def test_line_that_is_too_long_is_refused(client: httpx.AsyncClient, simulator: Simulator) -> None:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=simulator.url, timeout=60, trust_env=False, limits=limits) as crowd:
        tasks = [
            asyncio.create_task(crowd.post("/api/chat", json=body_for("/api/chat", ENDLESS)))
            for _ in range(QUEUE_MAX + 1)
        ]
        await open_streams(client, QUEUE_MAX + 1)
        page = await client.post("/api/chat", json=body_for("/api/chat", ENDLESS))
        assert page.status_code == 503
        assert page.json()["error"] == "server busy, please try again.  maximum pending requests exceeded"
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_idle_model_stays_for_its_keep_alive(official: ollama.AsyncClient) -> None:
    await official.chat("sim-hasty", ASK, keep_alive="10m", options={"rate": 0, "delay": 0})
    [listed] = (await official.ps()).models
    assert listed.expires_at is not None
    assert 590 < (listed.expires_at - datetime.now(UTC)).total_seconds() <= 600
    assert (await official.ps()).models[0].expires_at is not None
    await official.chat("sim-hasty", ASK, keep_alive=-1, options={"rate": 0, "delay": 0})
    [listed] = (await official.ps()).models
    assert listed.expires_at and listed.expires_at.year > 2300


async def test_keep_alive_of_nothing_unloads(official: ollama.AsyncClient) -> None:
    await official.chat("sim-hasty", ASK, keep_alive=0, options={"rate": 0, "delay": 0})
    assert (await official.ps()).models == []


async def test_empty_chat_loads_and_unloads(official: ollama.AsyncClient) -> None:
    model = "load?load-time=0.01"
    assert (await official.chat(model, [])).done_reason == "load"
    assert [listed.model for listed in (await official.ps()).models] == [f"{model}:latest"]
    assert (await official.chat(model, [], keep_alive=0)).done_reason == "unload"
    assert (await official.ps()).models == []


async def test_wrong_keep_alive_is_refused(client: httpx.AsyncClient) -> None:
    page = await client.post("/api/chat", json={"model": "load", "messages": ASK, "keep_alive": "soon"})
    assert (page.status_code, page.json()["error"]) == (400, 'time: invalid duration "soon"')


@pytest.mark.parametrize(
    ("given", "seconds"),
    [(None, None), (5, 5.0), ("5m", 300.0), ("1h30m", 5400.0), ("1.5s", 1.5), ("250ms", 0.25), ("0", 0.0)],
)
def test_durations_are_read_as_go_writes_them(given: object, seconds: float | None) -> None:
    assert keep_alive_s(given) == seconds


@pytest.mark.parametrize("given", [-1, "-1s", "-5m"])
def test_below_nothing_is_for_ever(given: object) -> None:
    assert keep_alive_s(given) == float("inf")


@pytest.mark.parametrize("given", ["5", "m", "", "5x", True, []])
def test_what_is_no_duration_is_an_error(given: object) -> None:
    with pytest.raises(ValueError):  # its text is the value
        keep_alive_s(given)
