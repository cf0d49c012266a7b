"""Viewers that behave as the battle page does: they come back with their cursor, after a pause of random length."""

import asyncio
import json
import random
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import aiohttp

from tests.bench.load import Load
from tests.bench.readers import STARTS_PER_S, Reading, apply, socket_url, start_battle

RECONNECT_MIN_S = 0.4
RECONNECT_MAX_S = 15.0
TRY_AGAIN_S = 0.1
LOST = (aiohttp.ClientError, OSError, TimeoutError)


@dataclass
class Follower:
    """Follows one battle until cancelled. `heard` has the times at which each slot's text grew."""

    session: aiohttp.ClientSession
    arena: str
    battle_id: str
    reading: Reading
    heard: dict[str, list[float]] = field(default_factory=dict)
    connections: int = 0
    _cursor: str = ""
    _failures: int = 0

    async def follow(self) -> None:
        while True:
            with suppress(*LOST):
                await self._watch()
            longest = min(RECONNECT_MAX_S, RECONNECT_MIN_S * 2**self._failures)
            self._failures += 1
            await asyncio.sleep(longest * (0.5 + random.random() / 2))

    async def _watch(self) -> None:
        address = socket_url(self.arena, self.battle_id)
        query = {"cursor": self._cursor} if self._cursor else {}
        async with self.session.ws_connect(address, params=query, max_msg_size=0) as socket:
            self.connections += 1
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._failures = 0
                    self._take(json.loads(message.data), time.monotonic())

    def _take(self, message: dict[str, object], now: float) -> None:
        self._cursor = str(message["c"])
        before = {slot: len(stream.text) for slot, stream in self.reading.streams.items()}
        events = message["e"]
        assert isinstance(events, list)
        for event in events:
            apply(self.reading, event, now)
        for slot, stream in self.reading.streams.items():
            if len(stream.text) > before.get(slot, 0):
                self.heard.setdefault(slot, []).append(now)


async def begin(session: aiohttp.ClientSession, arena: str, load: Load, key: str) -> Follower:
    """A battle that was started now, to be followed; an arena that is away is asked until it is back."""
    reading = Reading(key, asked_at=time.monotonic())
    while True:
        try:
            return Follower(session, arena, await start_battle(session, arena, load, key), reading)
        except (*LOST, AssertionError):
            await asyncio.sleep(TRY_AGAIN_S)


async def begin_all(session: aiohttp.ClientSession, arena: str, load: Load, keys: Iterable[str]) -> list[Follower]:
    """One after another. None waits for the one before but for the first, which brings the cookie of whose they are."""
    first, *others = keys
    begun = [await begin(session, arena, load, first)]
    beginning = []
    for key in others:
        beginning.append(asyncio.create_task(begin(session, arena, load, key)))
        await asyncio.sleep(1 / STARTS_PER_S)
    return begun + await asyncio.gather(*beginning)


async def stop(session: aiohttp.ClientSession, follower: Follower) -> None:
    async with session.post(f"{follower.arena}/api/v1/battles/{follower.battle_id}/stop") as answer:
        assert answer.status == 200, await answer.text()


def visitor() -> aiohttp.ClientSession:
    """Somebody with a cookie jar, and so the owner of the battles they start."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.CookieJar(unsafe=True),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=60),
    )
