"""One blocking read of the logs of many battles, over a connection of its own, for as long as the process lasts."""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import aclosing, suppress

import redis.asyncio
from redis.exceptions import RedisError
from redis.typing import KeyT, StreamIdT

from arena.battles.event_log import READ_COUNT, is_base
from arena.battles.feeds import Feed
from arena.redis_connections import listening_client

logger = logging.getLogger(__name__)

TIMEOUT_S = 5.0
# The next read is held back for as long as the last one took to be told, so that each brings more; but no longer.
HELD_BACK_MAX_S = 0.016
BACK_OFF_MIN_S = 0.05
BACK_OFF_MAX_S = 2.0
POKE_EVERY_S = 0.005


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
