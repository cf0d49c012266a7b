"""`/simulator/state` tells of every connection when it was opened and closed, and by whom."""

import asyncio
import time

import httpx
import pytest

from arena.contestants.models import Provider
from arena.contestants.providers.call import Call
from arena.contestants.providers.http import make_client
from arena.contestants.providers.registry import provider_for
from arena.contestants.simulator.server import Simulator

PATHS = {
    Provider.OLLAMA: "/api/chat",
    Provider.OPENAI: "/v1/chat/completions",
    Provider.OPENAI_RESPONSES: "/v1/responses",
    Provider.ANTHROPIC: "/v1/messages",
}


async def note_of(client: httpx.AsyncClient, path: str) -> dict[str, object]:
    """The connection on which this was asked, once it is closed."""
    async with asyncio.timeout(30):
        while True:
            log = (await client.get("/simulator/state")).json()["log"]
            for note in log:
                if note["closed_ms"] and any(request["path"] == path for request in note["requests"]):
                    found: dict[str, object] = note
                    return found


def call(simulator: Simulator, provider: str, model: str) -> Call:
    base = simulator.url if provider in (Provider.OLLAMA, Provider.ANTHROPIC) else f"{simulator.url}/v1"
    return Call(base, model, ({"role": "user", "content": "Go."},))


@pytest.mark.parametrize("provider", list(PATHS))
async def test_stop_is_seen_when_it_happens(simulator: Simulator, client: httpx.AsyncClient, provider: str) -> None:
    async with make_client() as arena_client:
        stream = provider_for(provider)(arena_client, call(simulator, provider, "load?rate=0&fault=never-ends"))
        await anext(stream)
        before_ms = time.monotonic() * 1000
        await stream.aclose()
        note = await note_of(client, PATHS[Provider(provider)])
    assert note["closed_by"] == "client"
    [request] = note["requests"]  # type: ignore[misc]
    assert (request["ended_by"], request["model"]) == ("client", "load?rate=0&fault=never-ends")
    assert note["opened_ms"] <= request["began_ms"] <= request["first_byte_ms"] < before_ms <= request["ended_ms"]


async def test_cut_is_told_as_the_servers(simulator: Simulator, client: httpx.AsyncClient) -> None:
    body = {"model": "load?rate=0&fault=cut", "messages": [{"role": "user", "content": "Go."}]}
    with pytest.raises(httpx.RemoteProtocolError):
        await client.post("/api/chat", json=body)
    note = await note_of(client, "/api/chat")
    assert note["closed_by"] == "server"
    assert [request["ended_by"] for request in note["requests"]] == ["server"]  # type: ignore[attr-defined]


async def test_finished_answers_are_told_on_a_connection_that_stays(client: httpx.AsyncClient) -> None:
    await client.get("/api/version")
    await client.get("/api/tags")
    state = (await client.get("/simulator/state")).json()
    [note] = state["log"]
    assert (note["closed_ms"], note["closed_by"]) == (None, "")
    told = [(request["path"], request["ended_by"]) for request in note["requests"]]
    assert told[:2] == [("/api/version", "finished"), ("/api/tags", "finished")]
    assert note["opened_ms"] <= state["now_ms"]
