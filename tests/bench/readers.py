"""Those who read the streams: browsers of the arena, direct clients of the model server, clients of a bare relay."""

import asyncio
import json
import time
from dataclasses import dataclass, field

import aiohttp

from tests.bench.load import MODEL, STREAMS, Stream

READ_LIMIT_S = 120.0
STARTS_PER_S = 25.0


@dataclass
class Reading:
    """One battle as its reader had it."""

    number: int
    asked_at: float = 0.0
    first_text_at: float = 0.0
    bytes: int = 0
    streams: dict[str, Stream] = field(default_factory=dict)

    def add(self, slot: str, text: str, now: float) -> None:
        if not self.first_text_at:
            self.first_text_at = now
        self.streams.setdefault(slot, Stream(key_of(self.number))).add(text, now)


def key_of(number: int) -> str:
    return f"bench {number}"


async def read_arena(session: aiohttp.ClientSession, base: str, number: int) -> Reading:
    """Start a battle through the API and follow its socket, as a page does."""
    reading = Reading(number, asked_at=time.monotonic())
    body = {"prompt": key_of(number), "contestants": [f"load-{slot}" for slot in range(STREAMS)]}
    async with session.post(f"{base}/api/v1/battles", json=body) as answer:
        assert answer.status == 201, await answer.text()
        battle = await answer.json()
    ended: set[str] = set()
    async with session.ws_connect(f"{base}/ws/battles/{battle['id']}/") as socket:
        async for message in socket:
            now = time.monotonic()
            reading.bytes += len(message.data) + (2 if len(message.data) < 126 else 4)
            for event in json.loads(message.data)["e"]:
                if isinstance(event, list):
                    reading.add(event[0], event[3], now)
                elif event["type"] == "snapshot" and event["status"] == "streaming":
                    stream = reading.streams.setdefault(event["slot"], Stream(key_of(number)))
                    reading.add(event["slot"], (event["reasoning"] + event["answer"]).removeprefix(stream.text), now)
                elif event["type"] in {"finished", "failed", "stopped"}:
                    ended.add(event["slot"])
            if len(ended) == STREAMS:
                return reading
    raise AssertionError("the socket closed early")


async def read_direct(session: aiohttp.ClientSession, simulator: str, number: int) -> Reading:
    """Call the model server without anything between."""
    reading = Reading(number, asked_at=time.monotonic())
    await asyncio.gather(*(_read_upstream(session, simulator, reading, str(slot)) for slot in range(STREAMS)))
    return reading


async def _read_upstream(session: aiohttp.ClientSession, simulator: str, reading: Reading, slot: str) -> None:
    body = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": key_of(reading.number)}]}
    async with session.post(f"{simulator}/v1/chat/completions", json=body) as answer:
        async for line in answer.content:
            reading.bytes += len(line)
            if line.startswith(b"data: {"):
                for choice in json.loads(line[6:])["choices"]:
                    text = choice["delta"].get("reasoning_content") or choice["delta"].get("content")
                    if text:
                        reading.add(slot, text, time.monotonic())


async def read_relay(session: aiohttp.ClientSession, relay: str, number: int) -> Reading:
    """Read both streams through the bare relay."""
    reading = Reading(number, asked_at=time.monotonic())
    async with session.ws_connect(f"{relay}/?n={number}") as socket:
        async for message in socket:
            reading.bytes += len(message.data) + 2
            slot, text = json.loads(message.data)
            reading.add(slot, text, time.monotonic())
    return reading


async def read_all(kind: str, address: str, battles: int) -> list[Reading]:
    """`battles` readers, started one after another so that the start itself is no burst."""
    read = {"arena": read_arena, "direct": read_direct, "relay": read_relay}[kind]
    readings: list[asyncio.Task[Reading]] = []
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session,
        asyncio.timeout(READ_LIMIT_S),
        asyncio.TaskGroup() as group,
    ):
        for number in range(battles):
            readings.append(group.create_task(read(session, address, number)))
            await asyncio.sleep(1 / STARTS_PER_S)
    return [reading.result() for reading in readings]
