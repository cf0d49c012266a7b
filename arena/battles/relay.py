"""The reading end of the logs in a web process: one blocking read for all watched battles, shared by their sockets.

A `Feed` holds what is known of one battle's log; a socket asks it for a frame with everything after its position.
Frames are built once and shared by all sockets that stand at the same place.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from itertools import chain, takewhile

import redis.asyncio
from redis.exceptions import RedisError
from redis.typing import KeyT, StreamIdT

from arena.battles.event_log import (
    READ_COUNT,
    START,
    LogState,
    Position,
    cursor_of,
    decode,
    join_deltas,
    log_key,
    parse_position,
)
from arena.battles.events import Wire
from arena.redis_connections import async_client, listening_client

logger = logging.getLogger(__name__)

# A browser further behind than this gets snapshots instead of every delta.
ENTRIES_HELD = 4000
BLOCK_MS = 2000
TIMEOUT_S = 5.0
# Reads that follow one another at once are held back a little, so that each brings more.
READ_EVERY_S = 0.016
# Every so often all sockets say that they are alive.
ALIVE_EVERY_S = 15.0
BACK_OFF_MAX_S = 2.0


def message(position: Position, events: Sequence[Wire]) -> str:
    """The text of one socket message."""
    return json.dumps({"c": cursor_of(position), "e": events}, ensure_ascii=False, separators=(",", ":"))


class Feed:
    """One battle's log as this process knows it."""

    def __init__(self, battle_id: str) -> None:
        self.key = log_key(battle_id).encode()
        self.state = LogState()
        self.position = START
        self.entry_id = b"0-0"
        self.watchers = 0
        self._entries: deque[tuple[Position, list[Wire]]] = deque()
        self._begins_at = START
        self._dropped_to = START
        self._frames: dict[Position, str] = {}
        self._news = asyncio.Event()
        self._resting: set[asyncio.Future[None]] = set()

    def append(self, entry_id: bytes, events: list[Wire]) -> None:
        position = parse_position(entry_id)
        if position <= self.position:
            return
        if self.position == START:
            self._begins_at = position
        self.position, self.entry_id = position, entry_id
        if self.state.apply(events):
            for rest in self._resting:
                _end(rest)
        self._entries.append((position, events))
        while len(self._entries) > ENTRIES_HELD:
            self._dropped_to = self._entries.popleft()[0]
        self._frames.clear()

    def wake(self) -> None:
        """Let every socket that waits look again."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def news_after(self, position: Position) -> bool:
        """Wait for something beyond `position`. False: nothing yet, but it is time to say that one is alive."""
        if self.position <= position:
            await self._news.wait()
        return self.position > position

    async def rest(self, seconds: float) -> None:
        """Let news gather. The first text of a response cuts the rest short."""
        loop = asyncio.get_running_loop()
        rest: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, _end, rest)
        self._resting.add(rest)
        try:
            await rest
        finally:
            timer.cancel()
            self._resting.discard(rest)

    def reaches_back_to(self, position: Position) -> bool:
        """Is every entry after `position` still held, and was `position` ever a place in this log?

        It is none where the log has expired, or was lost, since the browser had it: what came between is nowhere.
        """
        is_ours = position == START or position >= self._begins_at
        return is_ours and self._dropped_to <= position <= self.position

    def frame_after(self, position: Position) -> str:
        """One message with everything after `position`; its cursor is the log's present end."""
        if position not in self._frames:
            newest_first = takewhile(lambda entry: entry[0] > position, reversed(self._entries))
            entries = [events for _, events in newest_first][::-1]
            self._frames[position] = message(self.position, join_deltas(chain.from_iterable(entries)))
        return self._frames[position]


def _end(rest: "asyncio.Future[None]") -> None:
    if not rest.done():
        rest.set_result(None)


class Relay:
    """One per event loop. `watch(battle_id)` gives the battle's feed for as long as somebody watches."""

    def __init__(self) -> None:
        self._feeds: dict[bytes, Feed] = {}
        self._client = async_client(timeout_s=TIMEOUT_S)
        self._reader: asyncio.Task[None] | None = None
        self._heart: asyncio.TimerHandle | None = None
        self._reader_id: int | None = None
        self._has_feeds = asyncio.Event()
        self._is_closing = False

    @asynccontextmanager
    async def watch(self, battle_id: str) -> AsyncIterator[Feed]:
        """The feed, with everything the log holds by now. Raises RedisError if it cannot be read."""
        feed = await self._open(battle_id)
        feed.watchers += 1
        try:
            if feed.watchers == 1:
                await self._interrupt_reader()
            yield feed
        finally:
            feed.watchers -= 1
            if not feed.watchers and self._feeds.get(feed.key) is feed:
                del self._feeds[feed.key]

    async def close(self) -> None:
        """Let the reader come to its end; it is not cancelled, which would leave a half-read connection behind."""
        self._is_closing = True
        if self._heart is not None:
            self._heart.cancel()
        while self._reader is not None and not self._reader.done():
            self._has_feeds.set()
            await self._interrupt_reader()
            await asyncio.wait([self._reader], timeout=0.05)
        await self._client.aclose()

    async def _open(self, battle_id: str) -> Feed:
        feed = Feed(battle_id)
        if feed.key in self._feeds:
            return self._feeds[feed.key]
        await self._catch_up(feed)
        if feed.key in self._feeds:  # another socket was quicker
            return self._feeds[feed.key]
        self._feeds[feed.key] = feed
        self._has_feeds.set()
        if self._reader is None:
            self._reader = asyncio.get_running_loop().create_task(self._read())
            self._beat()
        return feed

    async def _catch_up(self, feed: Feed) -> None:
        while entries := await self._client.xrange(feed.key, min=b"(" + feed.entry_id, count=READ_COUNT):
            for id_, fields in entries:
                feed.append(id_, decode(fields))

    def _beat(self) -> None:
        for feed in self._feeds.values():
            feed.wake()
        self._heart = asyncio.get_running_loop().call_later(ALIVE_EVERY_S, self._beat)

    async def _interrupt_reader(self) -> None:
        """The reader blocks on the battles it knew; have it start again with the new one."""
        if self._reader_id is not None:
            with suppress(RedisError):
                await self._client.client_unblock(self._reader_id)

    async def _read(self) -> None:
        """Read until closed. A lost Redis is waited for; reading goes on where it stopped."""
        back_off_s = 0.05
        while not self._is_closing:
            try:
                # A connection of its own: a blocked one cannot be shared, and must not time out before Redis answers.
                # Closed even where the process ends while it is being made, which `async with` on the client would not.
                async with aclosing(listening_client(timeout_s=BLOCK_MS / 1000 + TIMEOUT_S)) as client:
                    self._reader_id = await client.client_id()
                    back_off_s = 0.05
                    await self._read_on(client)
            except (RedisError, OSError) as error:
                logger.warning("Redis cannot be read: %s; trying again in %.1f s", error, back_off_s)
            except Exception:  # a fault of ours: without this task every page of the process would stand still
                logger.exception("the reader of the logs broke; trying again in %.1f s", back_off_s)
            self._reader_id = None
            await asyncio.sleep(back_off_s)
            back_off_s = min(back_off_s * 2, BACK_OFF_MAX_S)

    async def _read_on(self, client: redis.asyncio.Redis) -> None:
        loop = asyncio.get_running_loop()
        while not self._is_closing:
            if not self._feeds:
                self._has_feeds.clear()
                await self._has_feeds.wait()
                continue
            streams: dict[KeyT, StreamIdT] = {key: feed.entry_id for key, feed in self._feeds.items()}
            answer = await client.xread(streams, count=READ_COUNT, block=BLOCK_MS)
            read_at = loop.time()
            is_text = False
            for key, entries in answer or ():
                feed = self._feeds.get(key)
                if feed is not None:
                    for id_, fields in entries:
                        events = decode(fields)
                        feed.append(id_, events)
                        is_text |= isinstance(events[-1], list)
                    feed.wake()
            if is_text:  # what announces text is followed by text, which is not to wait
                await asyncio.sleep(max(0.0, read_at + READ_EVERY_S - loop.time()))


_relays: dict[asyncio.AbstractEventLoop, Relay] = {}


def relay() -> Relay:
    """The relay of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _relays:
        _relays[loop] = Relay()
    return _relays[loop]


async def close_relay() -> None:
    """End the running loop's relay and its connections."""
    if ended := _relays.pop(asyncio.get_running_loop(), None):
        await ended.close()
