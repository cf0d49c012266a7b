import asyncio
import json
from collections.abc import AsyncIterator
from time import monotonic

import httpx
import pytest

from arena.contestants.simulator.server import Simulator, start_simulator


def request_bytes(model: str, path: str = "/api/chat") -> bytes:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Go."}]}).encode()
    return b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (path.encode(), len(body), body)


async def connect(simulator: Simulator) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(simulator.url.rsplit(":", 1)[1]))


async def until(seen: asyncio.StreamReader, mark: bytes) -> bytes:
    return await asyncio.wait_for(seen.readuntil(mark), 10)


async def state_with(client: httpx.AsyncClient, *, open_streams: int) -> dict[str, int]:
    """What the server says of itself once it has so many open streams."""
    async with asyncio.timeout(10):
        while True:
            state: dict[str, int] = (await client.get("/simulator/state")).json()
            if state["open_streams"] == open_streams:
                return state


async def test_leaving_client_stops_the_generation(simulator: Simulator, client: httpx.AsyncClient) -> None:
    reader, writer = await connect(simulator)
    writer.write(request_bytes("load?tokens=1000&rate=1000"))
    await until(reader, b"t3 ")
    assert simulator.counts.open_streams == 1
    writer.close()
    await writer.wait_closed()
    state = await state_with(client, open_streams=0)
    assert state["streams_closed_by_client"] == 1


async def test_client_that_leaves_during_the_delay_is_noticed(simulator: Simulator, client: httpx.AsyncClient) -> None:
    _, writer = await connect(simulator)
    writer.write(request_bytes("load?delay=90"))
    await state_with(client, open_streams=1)
    writer.close()
    await writer.wait_closed()
    state = await state_with(client, open_streams=0)
    assert state["streams_closed_by_client"] == 1


async def test_connection_is_kept_for_the_next_request(simulator: Simulator) -> None:
    reader, writer = await connect(simulator)
    for _ in range(3):
        writer.write(request_bytes("load?tokens=3&rate=0"))
        assert b"t2 " in await until(reader, b"0\r\n\r\n")
    assert simulator.counts.connections == 1
    writer.close()


async def test_pipelined_requests_are_answered_in_order(simulator: Simulator) -> None:
    reader, writer = await connect(simulator)
    writer.write(request_bytes("load?tokens=3&rate=200") + request_bytes("load?tokens=1&rate=0"))
    assert b"t2 " in await until(reader, b"0\r\n\r\n")
    assert b"t1 " not in await until(reader, b"0\r\n\r\n")
    writer.close()


async def test_body_that_is_too_large_is_refused(client: httpx.AsyncClient) -> None:
    page = await client.post("/v1/chat/completions", content=b"x" * 100_001)
    assert (page.status_code, page.json()["error"]["type"]) == (413, "invalid_request_error")

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"x" * 10_000

    page = await client.post("/api/chat", content=pieces())
    assert (page.status_code, list(page.json())) == (413, ["error"])


@pytest.mark.parametrize(
    "nonsense",
    [
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    ],
)
async def test_nonsense_is_answered_and_the_connection_closed(simulator: Simulator, nonsense: bytes) -> None:
    reader, writer = await connect(simulator)
    writer.write(nonsense)
    assert (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP/1.1 4")
    writer.close()


async def test_unknown_paths_and_methods_are_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/nowhere")).status_code == 404
    assert (await client.get("/v1/nowhere")).json()["error"]["message"]
    assert (await client.get("/api/chat")).status_code == 405


async def test_fifty_streams_at_once_lose_nothing(simulator: Simulator, client: httpx.AsyncClient) -> None:
    async def play(number: int) -> str:
        body = {"model": f"load?tokens={40 + number}&rate=400", "messages": [{"role": "user", "content": "Go."}]}
        page = await client.post("/api/chat", json=body)
        return "".join(json.loads(line)["message"]["content"] for line in page.content.strip().split(b"\n"))

    texts = await asyncio.gather(*(play(number) for number in range(50)))
    assert texts == ["".join(f"t{token} " for token in range(40 + number)) for number in range(50)]
    assert simulator.counts.finished_streams == 50


async def test_tokens_keep_their_pace(client: httpx.AsyncClient) -> None:
    began = monotonic()
    body = {"model": "load?tokens=21&rate=100", "messages": [{"role": "user", "content": "Go."}]}
    await client.post("/api/chat", json=body)
    assert monotonic() - began >= 0.19


async def test_reader_that_stops_holds_the_generation_up(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """What is not read is not generated: the server's buffers stay small however long the stream is."""
    reader, writer = await connect(simulator)
    transport = writer.transport
    assert isinstance(transport, asyncio.Transport)
    transport.pause_reading()
    writer.write(request_bytes("load?tokens=100000&rate=0"))
    await state_with(client, open_streams=1)
    transport.resume_reading()
    last = await asyncio.wait_for(_drained(reader), 30)
    assert b"t99999 " in last
    assert simulator.counts.finished_streams == 1
    writer.close()


async def _drained(reader: asyncio.StreamReader) -> bytes:
    last = b""
    while not last.endswith(b"0\r\n\r\n"):
        last = last[-1000:] + await reader.read(1_000_000)
    return last


async def test_stop_ends_what_runs_and_frees_the_port() -> None:
    simulator = await start_simulator()
    reader, writer = await connect(simulator)
    writer.write(request_bytes("load?fault=never-ends"))
    await until(reader, b"t1 ")
    await simulator.stop()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await until(reader, b"0\r\n\r\n")
    writer.close()
    again = await start_simulator(port=int(simulator.url.rsplit(":", 1)[1]))
    await again.stop()
