"""The reading end of the logs in a web process: two blocking reads for all watched battles, shared by their sockets.

A `Feed` holds what is known of one battle's log; whoever watches it asks for a frame with everything after a position.
Frames are built once and shared by all who stand at the same place. Battles in which nothing happens any more are read
apart, so that they cost nothing while others stream.
"""

import asyncio
import json
import logging
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from itertools import chain, count, takewhile
from typing import Protocol

import redis.asyncio
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
from arena.battles.events import Alive, Wire
from arena.redis_connections import async_client, listening_client

logger = logging.getLogger(__name__)

# A browser further behind than this (a minute or so) gets snapshots instead of every delta.
ENTRIES_HELD = 1500
BYTES_HELD = 256_000
# The last ones are kept as they are read: nearly every frame is made of one or two of them.
ENTRIES_AT_HAND = 32
# What brings an empty page up to date is cut into messages about as large: a slow browser holds up one of them.
MESSAGE_CHARS = 50_000
# At most one frame per battle and this time: what comes meanwhile is joined.
FRAME_EVERY_S = 0.05
BLOCK_MS = 2000
QUIET_BLOCK_MS = 20_000
TIMEOUT_S = 5.0
# The next read is held back for as long as the last one took to be told, so that each brings more; but no longer.
HELD_BACK_MAX_S = 0.016
# So often every socket says that it is alive: not all at once, but in as many groups as the heart beats meanwhile.
ALIVE_EVERY_S = 15.0
BEATS = 60
# A battle whose responses have all ended is left to the reader of the quiet ones after this time.
QUIET_AFTER_S = 30.0
SETTLE_EVERY_BEATS = 20
BACK_OFF_MIN_S = 0.05
BACK_OFF_MAX_S = 2.0
POKE_EVERY_S = 0.005
# So long after Redis is back, workers have told anew what it has forgotten of responses that they still play.
TOLD_ANEW_WITHIN_S = 5.0


def message(position: Position, events: Sequence[Wire]) -> str:
    """The text of one socket message."""
    return _text(cursor_of(position), events)


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


def _text(cursor: str, events: Sequence[Wire]) -> str:
    return as_json({"c": cursor, "e": events})


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


class Watcher(Protocol):
    """Somebody who follows a feed. Neither call may wait."""

    def look(self) -> None:
        """There may be something new."""

    def say_alive(self) -> None:
        """Nothing need be new; it is time for a sign of life."""

    def come_again(self) -> None:
        """This feed's log was lost, and nothing more may come: only the database knows how things ended."""


class Feed:
    """One battle's log as this process knows it."""

    def __init__(self, battle_id: str) -> None:
        self.key = log_key(battle_id).encode()
        self.state = LogState(keeps_ended=False)
        self.position = START
        self.entry_id = b"0-0"
        self.watchers: set[Watcher] = set()
        self._entries: deque[tuple[Position, bytes]] = deque()
        self._at_hand: deque[list[Wire]] = deque(maxlen=ENTRIES_AT_HAND)  # the last of them
        self._bytes_held = 0
        self._begins_at = START
        self._dropped_to = START
        self._frames: dict[Position, str] = {}
        self._told = START
        self._has_first_text = False
        self._rest: asyncio.TimerHandle | None = None
        self._heard_at = time.monotonic()

    def append(self, entry_id: bytes, data: bytes, *, is_base: bool = False) -> None:
        """Take in an entry of the log. One that is known already changes nothing."""
        position = parse_position(entry_id)
        if position <= self.position:
            return
        if self.position == START:
            self._begins_at = position
        self.position, self.entry_id = position, entry_id
        events = decode({b"e": data})
        self._has_first_text |= self.state.apply(events)
        self._entries.append((position, data))
        self._at_hand.append(events)
        self._bytes_held += len(data)
        # What a base was made of is gone: nobody can be told it piece by piece.
        held = 0 if is_base else ENTRIES_HELD
        while len(self._entries) > held or self._bytes_held > BYTES_HELD:
            self._dropped_to, dropped = self._entries.popleft()
            self._bytes_held -= len(dropped)
        self._frames.clear()
        self._heard_at = time.monotonic()

    @property
    def is_at_rest(self) -> bool:
        """Whether everything it has heard of has ended."""
        return all(response.is_ended for response in self.state.responses.values())

    @property
    def ends_with_text(self) -> bool:
        """Whether the newest event is a delta, which more will follow."""
        return bool(self._at_hand) and isinstance(self._at_hand[-1][-1], list)

    def tell(self) -> None:
        """Have everybody look, at once or when the present rest is over. The first text of a response ends a rest."""
        if self._rest is None:
            self._tell_now()
        elif self._has_first_text:
            self._rest.cancel()
            self._tell_now()

    def _tell_now(self) -> None:
        self._told, self._has_first_text = self.position, False
        self._rest = asyncio.get_running_loop().call_later(FRAME_EVERY_S, self._rested)
        for watcher in tuple(self.watchers):
            watcher.look()

    def _rested(self) -> None:
        self._rest = None
        if self._told < self.position:
            self._tell_now()

    def reaches_back_to(self, position: Position) -> bool:
        """Is every entry after `position` still held, and was `position` ever a place in this log?

        It is none where the log has expired, or was lost, since the browser had it: what came between is nowhere.
        """
        is_ours = position == START or position >= self._begins_at
        return is_ours and self._dropped_to <= position <= self.position

    def frame_after(self, position: Position) -> str:
        """One message with everything after `position`, or a sign of life; its cursor is the log's present end."""
        if position not in self._frames:
            events = join_deltas(chain.from_iterable(self._after(position))) or [Alive().wire()]
            self._frames[position] = message(self.position, events)
        return self._frames[position]

    def _after(self, position: Position) -> Iterable[list[Wire]]:
        newest_first = [entry for _, entry in takewhile(lambda entry: entry[0] > position, reversed(self._entries))]
        missed = len(newest_first)
        if missed <= len(self._at_hand):
            return list(self._at_hand)[len(self._at_hand) - missed :]
        return (json.loads(entry) for entry in reversed(newest_first))

    def settle(self) -> bool:
        """True, and what was held for those who watch a stream is dropped, if nothing happens here any more.

        The database has the texts of all responses that have ended.
        """
        if not self.is_at_rest or time.monotonic() - self._heard_at < QUIET_AFTER_S:
            return False
        self._entries.clear()
        self._bytes_held = 0
        self._dropped_to = self.position
        self._frames.clear()
        self._at_hand.clear()
        self.state = LogState(keeps_ended=False)
        return True


class LogReader:
    """Reads the logs of some feeds with one blocking command, over a connection of its own."""

    def __init__(
        self,
        commands: redis.asyncio.Redis,
        *,
        block_ms: int,
        on_news: Callable[[Feed], None],
        on_return: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_return` is called once a lost Redis is back, before anything is read."""
        self.feeds: dict[bytes, Feed] = {}
        self._commands = commands
        self._block_ms = block_ms
        self._on_news = on_news
        self._on_return = on_return
        self._id: int | None = None
        self._changes = 0
        self._changes_known = 0
        self._has_changed = asyncio.Event()
        self._is_closing = False
        self._task: asyncio.Task[None] | None = None
        self._poking: asyncio.Task[None] | None = None

    def add(self, feed: Feed) -> None:
        self.feeds[feed.key] = feed
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._read())
        self._wake()

    def discard(self, feed: Feed) -> None:
        """It may be read once more, but is not told."""
        if self.feeds.get(feed.key) is feed:
            del self.feeds[feed.key]

    async def close(self) -> None:
        """Let the task come to its end; it is not cancelled, which would leave a half-read connection behind."""
        self._is_closing = True
        if self._task is not None:
            self._wake()
            await asyncio.wait([self._task])
        if self._poking is not None:
            await asyncio.wait([self._poking])

    def _wake(self) -> None:
        """The reader blocks on the battles it knew; have it start again with those that there are."""
        self._changes += 1
        self._has_changed.set()
        if self._poking is None or self._poking.done():
            self._poking = asyncio.get_running_loop().create_task(self._poke())

    async def _poke(self) -> None:
        """More than once if need be: the command to unblock may overtake the one that blocks."""
        while self._id is not None and self._changes_known < self._changes:
            with suppress(RedisError):
                await self._commands.client_unblock(self._id)
            await asyncio.sleep(POKE_EVERY_S)

    async def _read(self) -> None:
        """Read until closed. A lost Redis is waited for; reading goes on where it stopped."""
        back_off_s = BACK_OFF_MIN_S
        was_cut = False
        while not self._is_closing:
            try:
                # A connection of its own: a blocked one cannot be shared, and must not time out before Redis answers.
                # Closed even where the process ends while it is being made, which `async with` on the client would not.
                async with aclosing(listening_client(timeout_s=self._block_ms / 1000 + TIMEOUT_S)) as client:
                    self._id = await client.client_id()
                    back_off_s = BACK_OFF_MIN_S
                    if was_cut:
                        self._on_return()
                    was_cut = True
                    await self._read_on(client)
            except (RedisError, OSError) as error:
                logger.warning("Redis cannot be read: %s; trying again in %.1f s", error, back_off_s)
            except Exception:  # a fault of ours: without this task every page of the process would stand still
                logger.exception("the reader of the logs broke; trying again in %.1f s", back_off_s)
            self._id = None
            if not self._is_closing:
                await asyncio.sleep(back_off_s * random.uniform(0.5, 1))
            back_off_s = min(back_off_s * 2, BACK_OFF_MAX_S)

    async def _read_on(self, client: redis.asyncio.Redis) -> None:
        loop = asyncio.get_running_loop()
        while not self._is_closing:
            self._changes_known = self._changes
            if not self.feeds:
                self._has_changed.clear()
                await self._has_changed.wait()
                continue
            streams: dict[KeyT, StreamIdT] = {key: feed.entry_id for key, feed in self.feeds.items()}
            answer = await client.xread(streams, count=READ_COUNT, block=self._block_ms)
            read_at = loop.time()
            is_text = False
            for key, entries in answer or ():
                feed = self.feeds.get(key)
                if feed is not None:
                    for id_, fields in entries:
                        feed.append(id_, fields[b"e"], is_base=is_base(fields))
                    is_text |= feed.ends_with_text
                    self._on_news(feed)
            if is_text:  # what announces text is followed by text, which is not to wait
                await asyncio.sleep(min(loop.time() - read_at, HELD_BACK_MAX_S))


class Relay:
    """One per event loop. `watch(battle_id, watcher)` gives the battle's feed for as long as somebody watches."""

    def __init__(self) -> None:
        self._feeds: dict[bytes, Feed] = {}
        self._client = async_client(timeout_s=TIMEOUT_S)
        self._live = LogReader(self._client, block_ms=BLOCK_MS, on_news=Feed.tell, on_return=self._look_for_lost)
        self._quiet = LogReader(self._client, block_ms=QUIET_BLOCK_MS, on_news=self._rouse)
        self._heart: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None
        self._beats = 0
        self._groups: list[set[Watcher]] = [set() for _ in range(BEATS)]
        self._next_group = count()

    @asynccontextmanager
    async def watch(self, battle_id: str, watcher: Watcher) -> AsyncIterator[Feed]:
        """The feed, with everything the log holds by now. Raises RedisError if it cannot be read."""
        feed = await self._open(battle_id)
        group = self._groups[next(self._next_group) % BEATS]
        feed.watchers.add(watcher)
        group.add(watcher)
        try:
            yield feed
        finally:
            group.discard(watcher)
            feed.watchers.discard(watcher)
            if not feed.watchers:
                self._close(feed)

    async def close(self) -> None:
        if self._heart is not None:
            self._heart.cancel()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        await self._live.close()
        await self._quiet.close()
        await self._client.aclose()

    async def _open(self, battle_id: str) -> Feed:
        feed = Feed(battle_id)
        if feed.key in self._feeds:
            return self._feeds[feed.key]
        await self._catch_up(feed)
        if feed.key in self._feeds:  # another socket was quicker
            return self._feeds[feed.key]
        self._feeds[feed.key] = feed
        self._live.add(feed)
        if self._heart is None:
            self._beat()
        return feed

    def _close(self, feed: Feed) -> None:
        if self._feeds.get(feed.key) is feed:
            del self._feeds[feed.key]
        self._live.discard(feed)
        self._quiet.discard(feed)

    async def _catch_up(self, feed: Feed) -> None:
        while entries := await self._client.xrange(feed.key, min=b"(" + feed.entry_id, count=READ_COUNT):
            for id_, fields in entries:
                feed.append(id_, fields[b"e"], is_base=is_base(fields))

    def _rouse(self, feed: Feed) -> None:
        """News of a quiet battle: more may follow, which is to be read together with what streams elsewhere."""
        self._quiet.discard(feed)
        self._live.add(feed)
        feed.tell()

    def _look_for_lost(self) -> None:
        """Redis was away. If it has forgotten a log in which something still ran, and the end came meanwhile, nobody
        would tell those who watch."""
        if self._looking is None or self._looking.done():
            ends = {feed: feed.entry_id for feed in self._live.feeds.values() if not feed.is_at_rest}
            self._looking = asyncio.get_running_loop().create_task(self._have_come_again(ends))

    async def _have_come_again(self, ends: dict[Feed, bytes]) -> None:
        await asyncio.sleep(TOLD_ANEW_WITHIN_S)
        for feed, entry_id in ends.items():
            try:
                is_lost = not await self._client.xrange(feed.key, entry_id, entry_id)
            except RedisError:
                return  # away again; this is asked anew when it is back
            if is_lost and self._feeds.get(feed.key) is feed:
                self._close(feed)
                for watcher in tuple(feed.watchers):
                    watcher.come_again()

    def _beat(self) -> None:
        self._heart = asyncio.get_running_loop().call_later(ALIVE_EVERY_S / BEATS, self._beat)
        self._beats += 1
        for watcher in tuple(self._groups[self._beats % BEATS]):
            watcher.say_alive()
        if self._beats % SETTLE_EVERY_BEATS == 0:
            self._settle()

    def _settle(self) -> None:
        for feed in tuple(self._live.feeds.values()):
            if feed.settle():
                self._live.discard(feed)
                self._quiet.add(feed)


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
