"""Those who read the streams: browsers of the arena, direct clients of the model server, clients of a bare relay.

While it lasts they only keep what comes and when, so that they take little from what is measured; it is understood
afterwards.
"""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote

import aiohttp

from tests.bench.lag import Lag
from tests.bench.load import Load, Stream
from tests.bench.processes import machine_busy_s

READ_LIMIT_S = 180.0
STARTS_PER_S = 25.0
JOINS_PER_S = 25.0  # of each battle
TEXT = aiohttp.WSMsgType.TEXT
ENDED = {"finished", "failed", "stopped"}

Raw = list[tuple[float, str]]  # messages, or pieces of a body, as they came
Event = list[object] | dict[str, object]


@dataclass
class Reading:
    """One battle as one of its readers had it."""

    key: str
    asked_at: float = 0.0
    bytes: int = 0
    joined_late: bool = False  # not the one who started it: what it begins with was there before
    streams: dict[str, Stream] = field(default_factory=dict)

    def stream(self, slot: str) -> Stream:
        return self.streams.setdefault(slot, Stream(self.key))

    @property
    def first_text_at(self) -> float:
        return min(stream.arrivals[0] for stream in self.streams.values() if stream.arrivals)


@dataclass
class Readings:
    """What one process has read, and what that took."""

    readings: list[Reading]
    cpu_s: float
    wall_s: float
    machine_s: float  # what all cores of this machine together have worked meanwhile
    late_p99_s: float  # how late the process got to what was due: above a few ms it was too busy to measure well


def key_of(number: int) -> str:
    return f"bench {number}"


def socket_url(arena: str, battle_id: str) -> str:
    return f"{arena.replace('http', 'ws', 1)}/ws/battles/{battle_id}/"


async def start_battle(session: aiohttp.ClientSession, arena: str, load: Load, key: str) -> str:
    """Through the API, as a page does; the battle's id."""
    body = {"prompt": key, "contestants": load.slugs, "pacing": "live"}
    async with session.post(f"{arena}/api/v1/battles", json=body) as answer:
        assert answer.status == 201, await answer.text()
        return str((await answer.json())["id"])


# --- While it lasts --------------------------------------------------------------------------------


@dataclass
class Reader:
    """Reads one kind of system. `read` fills a list for each viewer of a battle, the one who starts it first."""

    session: aiohttp.ClientSession
    address: str
    load: Load

    async def arena(self, reading: Reading, raw: list[Raw]) -> None:
        battle_id = await start_battle(self.session, self.address, self.load, reading.key)
        async with asyncio.TaskGroup() as group:
            for messages in raw:
                group.create_task(self._watch(battle_id, messages))
                await asyncio.sleep(1 / JOINS_PER_S)

    async def _watch(self, battle_id: str, messages: Raw) -> None:
        ended: set[object] = set()
        async with self.session.ws_connect(socket_url(self.address, battle_id), max_msg_size=0) as socket:
            async for message in socket:
                messages.append((time.monotonic(), message.data))
                if '"type"' in message.data:  # no delta has it: few messages are looked into
                    ended |= ends(json.loads(message.data)["e"])
                    if len(ended) == self.load.streams:
                        return
        raise AssertionError("the socket closed early")

    async def direct(self, reading: Reading, raw: list[Raw]) -> None:
        """Call the model server without anything between: here the lists are its streams."""
        raw.extend([] for _ in range(self.load.streams - len(raw)))
        await asyncio.gather(*(self._read_upstream(reading.key, pieces) for pieces in raw))

    async def _read_upstream(self, key: str, pieces: Raw) -> None:
        body = {"model": self.load.model, "stream": True, "messages": [{"role": "user", "content": key}]}
        async with self.session.post(f"{self.address}/v1/chat/completions", json=body) as answer:
            async for piece in answer.content.iter_any():
                pieces.append((time.monotonic(), piece.decode()))

    async def relay(self, reading: Reading, raw: list[Raw]) -> None:
        """Read all streams through the bare relay."""
        query = f"key={quote(reading.key)}&model={quote(self.load.model)}&streams={self.load.streams}"
        async with self.session.ws_connect(f"{self.address}/?{query}") as socket:
            async for message in socket:
                raw[0].append((time.monotonic(), message.data))


def ends(events: list[Event]) -> set[object]:
    """The slots that have ended according to these events."""
    named = [event for event in events if isinstance(event, dict)]
    return {event["slot"] for event in named if event["type"] in ENDED or event.get("status") in ENDED}


# --- Afterwards ------------------------------------------------------------------------------------


def understand_arena(reading: Reading, messages: Raw) -> None:
    for now, data in messages:
        reading.bytes += len(data.encode()) + (2 if len(data) < 126 else 4)
        for event in json.loads(data)["e"]:
            apply(reading, event, now)


def apply(reading: Reading, event: Event, now: float) -> None:
    """Take an event in as a page does."""
    if isinstance(event, list):
        reading.stream(str(event[0])).add(str(event[3]), now)
    elif event["type"] == "snapshot":
        stream = reading.stream(str(event["slot"]))
        stream.replace(f"{event['reasoning']}{event['answer']}", now)
        stream.is_ended = event["status"] in ENDED
    elif event["type"] == "restarted":
        reading.stream(str(event["slot"])).replace("", now)
    elif event["type"] in ENDED:
        reading.stream(str(event["slot"])).is_ended = True


def understand_relay(reading: Reading, messages: Raw) -> None:
    for now, data in messages:
        reading.bytes += len(data) + 2
        slot, text = json.loads(data)
        reading.stream(slot).add(text, now)


def understand_direct(reading: Reading, slot: str, pieces: Raw) -> None:
    rest = ""
    for now, piece in pieces:
        reading.bytes += len(piece)
        *lines, rest = (rest + piece).split("\n")
        for line in lines:
            if line.startswith("data: {"):
                reading.stream(slot).add(text_of(line), now)


def text_of(line: str) -> str:
    """What a line of the chat protocol says."""
    deltas = [choice["delta"] for choice in json.loads(line[6:])["choices"]]
    return "".join(delta.get("reasoning_content") or delta.get("content") or "" for delta in deltas)


def understand(kind: str, reading: Reading, raw: list[Raw]) -> list[Reading]:
    """A reading for each viewer."""
    if kind == "direct":
        for slot, pieces in enumerate(raw):
            understand_direct(reading, str(slot), pieces)
        return [reading]
    readings = [Reading(reading.key, reading.asked_at, joined_late=bool(number)) for number in range(len(raw))]
    for one, messages in zip(readings, raw, strict=True):
        (understand_arena if kind == "arena" else understand_relay)(one, messages)
    return readings


# --- Both ------------------------------------------------------------------------------------------


async def read_all(kind: str, address: str, load: Load, battles: int, viewers: int = 1) -> Readings:
    """So many battles, started one after another so that the start itself is no burst, with so many viewers each."""
    cpu_before, machine_before, began_at = time.process_time(), machine_busy_s(), time.monotonic()
    kept: list[tuple[Reading, list[Raw]]] = [
        (Reading(key_of(number)), [[] for _ in range(viewers)]) for number in range(battles)
    ]
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session,
        Lag() as lag,
        asyncio.timeout(READ_LIMIT_S),
        asyncio.TaskGroup() as group,
    ):
        read: Callable[..., object] = getattr(Reader(session, address, load), kind)
        for reading, raw in kept:
            reading.asked_at = time.monotonic()
            group.create_task(read(reading, raw))  # type: ignore[arg-type]
            await asyncio.sleep(1 / STARTS_PER_S)
    cpu_s, machine_s = time.process_time() - cpu_before, machine_busy_s() - machine_before
    wall_s = time.monotonic() - began_at
    readings = [one for reading, raw in kept for one in understand(kind, reading, raw)]
    return Readings(readings, cpu_s, wall_s, machine_s, lag.percentile_s(99))


def read_in_this_process(kind: str, address: str, load: Load, battles: int, viewers: int = 1) -> Readings:
    return asyncio.run(read_all(kind, address, load, battles, viewers))
