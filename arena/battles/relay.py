"""All battles that are watched in a web process: two readers for their logs, and a sign of life for every socket.

Battles in which nothing happens any more are read apart, so that they cost nothing while others stream.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from redis.exceptions import RedisError

from arena.battles.event_log import READ_COUNT, is_base
from arena.battles.feeds import Feed, Watcher
from arena.battles.log_reader import LogReader
from arena.redis_connections import async_client

BLOCK_MS = 2000
QUIET_BLOCK_MS = 20_000
TIMEOUT_S = 5.0
# So often every socket says that it is alive: not all at once, but in as many groups as the heart beats meanwhile.
ALIVE_EVERY_S = 15.0
BEATS = 60
# So often it is looked which battles can be left to the reader of the quiet ones.
SETTLE_EVERY_BEATS = 20
# So long after Redis is back, workers have told anew what it has forgotten of responses that they still play.
TOLD_ANEW_WITHIN_S = 5.0


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
        for feed in self._live.feeds.values():
            if not feed.is_at_rest:
                feed.doubt()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._settle_doubts())

    async def _settle_doubts(self) -> None:
        while in_doubt := [feed for feed in self._live.feeds.values() if feed.last_seen]:
            await asyncio.sleep(TOLD_ANEW_WITHIN_S)
            for feed in in_doubt:
                try:
                    is_lost = not await self._client.xrange(feed.key, feed.last_seen, feed.last_seen)
                except RedisError:
                    break  # away again
                if is_lost:
                    self._have_come_again(feed)
                else:
                    feed.trust()

    def _have_come_again(self, feed: Feed) -> None:
        if self._feeds.get(feed.key) is feed:
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
