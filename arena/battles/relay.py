"""The reading end of the logs in a web process: one blocking read for all watched battles, shared by their sockets.

A `Feed` holds what is known of one battle's log; a socket asks it for a frame with everything after its position.
Frames are built once and shared by all sockets that stand at the same place.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from itertools import chain, takewhile

import redis.asyncio
from django.conf import settings
from redis.exceptions import RedisError
from redis.typing import KeyT, StreamIdT

from arena.battles.event_log import (
    READ_COUNT,
    START,
    LogState,
    Position,
    as_json,
    cursor_of,
    decode,
    is_base,
    join_deltas,
    log_key,
    parse_position,
)
from arena.battles.events import Wire

logger = logging.getLogger(__name__)

# A browser further behind than this (a minute or so) gets snapshots instead of every delta.
ENTRIES_HELD = 1500
BYTES_HELD = 300_000
# The last ones are kept as they are read: nearly every frame is made of one or two of them.
ENTRIES_AT_HAND = 32
# What brings an empty page up to date is cut into messages about as large: a slow browser holds up one of them.
MESSAGE_CHARS = 50_000
BLOCK_MS = 2000
# Reads that follow one another at once are held back a little, so that each brings more.
READ_EVERY_S = 0.016
# Every so often all sockets say that they are alive.
ALIVE_EVERY_S = 15.0
BACK_OFF_MAX_S = 2.0


# What brings an empty page up to date: the log's end then, and messages.
Restatement = tuple[Position, tuple[str, ...]]


def message(position: Position, events: Sequence[Wire]) -> str:
    """The text of one socket message."""
    return _text(cursor_of(position), events)


def _text(cursor: str, events: Sequence[Wire]) -> str:
    return as_json({"c": cursor, "e": events})


def messages(position: Position, events: Sequence[Wire]) -> Iterator[str]:
    """The texts of as many messages as it takes so that none is large.

    Who is cut off before the last must begin anew: only that has a cursor.
    """
    part: list[Wire] = []
    size = 0
    for event in chain.from_iterable(map(_small, events)):
        size += _chars(event)
        if part and size > MESSAGE_CHARS:
            yield _text("", part)
            part, size = [], _chars(event)
        part.append(event)
    yield message(position, part)


def _small(event: Wire) -> Iterator[Wire]:
    """The event, or, if it is a large snapshot, smaller events that add up to it."""
    if not isinstance(event, dict) or event["type"] != "snapshot" or _chars(event) <= MESSAGE_CHARS:
        yield event
        return
    texts = {"r": str(event["reasoning"]), "a": str(event["answer"])}
    yield {**event, "reasoning": "", "answer": "", "status": "streaming"}
    for name, text in texts.items():
        for start in range(0, len(text), MESSAGE_CHARS):
            yield [event["slot"], event["turn"], name, text[start : start + MESSAGE_CHARS]]
    if event["status"] in {"finished", "stopped"}:  # a failure is told by an event of its own
        yield {"type": event["status"], "slot": event["slot"], "turn": event["turn"]}


def _chars(event: Wire) -> int:
    texts = event if isinstance(event, list) else event.values()
    return sum(len(text) for text in texts if isinstance(text, str))


class Feed:
    """One battle's log as this process knows it."""

    def __init__(self, battle_id: str) -> None:
        self.key = log_key(battle_id).encode()
        self.state = LogState(keeps_ended=False)
        self.position = START
        self.entry_id = b"0-0"
        self.watchers = 0
        self._entries: deque[tuple[Position, bytes]] = deque()
        self._size = 0
        self._at_hand: deque[list[Wire]] = deque(maxlen=ENTRIES_AT_HAND)
        self._begins_at = START
        self._dropped_to = START
        self._frames: dict[Position, str] = {}
        self._news = asyncio.Event()
        self._resting: set[asyncio.Future[None]] = set()
        self._restating: asyncio.Task[Restatement] | None = None

    def append(self, entry_id: bytes, fields: dict[bytes, bytes]) -> list[Wire]:
        """Take an entry in; its events, none if it is known."""
        position = parse_position(entry_id)
        if position <= self.position:
            return []
        if self.position == START:
            self._begins_at = position
        self.position, self.entry_id = position, entry_id
        events = decode(fields)
        if self.state.apply(events):
            for rest in self._resting:
                _end(rest)
        self._hold(position, fields, events)
        self._frames.clear()
        return events

    def _hold(self, position: Position, fields: dict[bytes, bytes], events: list[Wire]) -> None:
        self._entries.append((position, fields[b"e"]))
        self._size += len(fields[b"e"])
        self._at_hand.append(events)
        if is_base(fields):  # what it was made of is gone: nobody can be told it piece by piece
            self._drop_to(0)
        while len(self._entries) > ENTRIES_HELD or self._size > BYTES_HELD and len(self._entries) > 1:
            self._drop_to(len(self._entries) - 1)

    def _drop_to(self, count: int) -> None:
        while len(self._entries) > count:
            self._dropped_to, entry = self._entries.popleft()
            self._size -= len(entry)

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

    async def restatement(self, make: Callable[[], Coroutine[None, None, Restatement]]) -> Restatement:
        """What `make` gives: made once for all who ask while it is being made."""
        if self._restating is None:
            self._restating = asyncio.create_task(make())
            self._restating.add_done_callback(self._restated)
        return await asyncio.shield(self._restating)

    def _restated(self, task: asyncio.Task[Restatement]) -> None:
        self._restating = None
        if not task.cancelled():
            task.exception()  # asyncio complains of one that nobody has waited for

    def reaches_back_to(self, position: Position) -> bool:
        """Is every entry after `position` still held, and was `position` ever a place in this log?

        It is none where the log has expired, or was lost, since the browser had it: what came between is nowhere.
        """
        is_ours = position == START or position >= self._begins_at
        return is_ours and self._dropped_to <= position <= self.position

    def frame_after(self, position: Position) -> str:
        """One message with everything after `position`; its cursor is the log's present end."""
        if position not in self._frames:
            self._frames[position] = message(self.position, join_deltas(chain.from_iterable(self._after(position))))
        return self._frames[position]

    def _after(self, position: Position) -> Iterable[list[Wire]]:
        newest_first = [entry for _, entry in takewhile(lambda entry: entry[0] > position, reversed(self._entries))]
        missed = len(newest_first)
        if missed <= len(self._at_hand):
            return list(self._at_hand)[len(self._at_hand) - missed :]
        return (json.loads(entry) for entry in reversed(newest_first))


def _end(rest: "asyncio.Future[None]") -> None:
    if not rest.done():
        rest.set_result(None)


class Relay:
    """One per event loop. `watch(battle_id)` gives the battle's feed for as long as somebody watches."""

    def __init__(self) -> None:
        self._feeds: dict[bytes, Feed] = {}
        self._client: redis.asyncio.Redis = redis.asyncio.Redis.from_url(settings.REDIS_URL)
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
                feed.append(id_, fields)

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
                async with aclosing(
                    redis.asyncio.Redis.from_url(
                        settings.REDIS_URL, single_connection_client=True, socket_timeout=BLOCK_MS / 1000 + 5
                    )
                ) as client:
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
                        events = feed.append(id_, fields)
                        is_text |= bool(events) and isinstance(events[-1], list)
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
