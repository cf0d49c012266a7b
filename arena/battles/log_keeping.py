"""Looking after the logs of running battles: prolonged while somebody plays, folded when they have grown long.

To fold a log is to replace its entries by one, the base, that says to those who begin what they added up to. So nobody
who joins late has much to read, and no log grows without end. The text of what has ended is left to the database.
"""

import asyncio
import logging
from collections.abc import Iterable
from uuid import UUID

import redis.asyncio

from arena.battles.event_log import LOG_EXPIRY_S, START, LogState, as_json, log_key, read_log
from arena.redis_connections import sync_client

logger = logging.getLogger(__name__)

KEEP_EVERY_S = 15.0
# More than ten minutes of text as it usually comes, fifteen entries a second.
FOLD_ENTRIES = 12_000
# Beyond what the base itself takes.
FOLD_BYTES = 1_500_000

# KEYS: log, another key. ARGV: id of the last entry that is folded, the base's events. Returns 0 if there is no such
# entry (any more). Redis adds nothing before a stream's end, so another is made and put in its place; those who block
# on it read on, for all later entries keep their ids.
FOLD_SCRIPT = """
if #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 0 then return 0 end
redis.call('DEL', KEYS[2])
redis.call('XADD', KEYS[2], ARGV[1], 'b', '', 'e', ARGV[2])
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+')) do
    redis.call('XADD', KEYS[2], entry[1], unpack(entry[2]))
end
local expiry = redis.call('PTTL', KEYS[1])
if expiry > 0 then redis.call('PEXPIRE', KEYS[2], expiry) end
redis.call('RENAME', KEYS[2], KEYS[1])
return 1
"""


def fold(client: redis.Redis, battle_id: UUID | str) -> None:
    """Fold the log as far as it goes now. Safe to run twice at once. Raises RedisError.

    It reads all of the log: not for an event loop.
    """
    state, end = LogState(keeps_ended=False), START
    for position, events in read_log(client, battle_id):
        state.apply(events)
        end = position
    if end != START:
        key = log_key(battle_id)
        client.eval(FOLD_SCRIPT, 2, key, f"{key}:folded", "{}-{}".format(*end), as_json(state.restated()))


class LogKeeper:
    """Looks after the logs of the battles that a worker plays."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._redis = client
        self._for_threads = sync_client(timeout_s=30)
        self._bases: dict[UUID, int] = {}  # bytes of the logs when they had just been folded

    async def look_after(self, battle_ids: Iterable[UUID]) -> None:
        """Raises RedisError."""
        playing = list(battle_ids)
        self._bases = {battle_id: size for battle_id, size in self._bases.items() if battle_id in playing}
        for battle_id, (entries, size) in zip(playing, await self._prolonged(playing), strict=True):
            if entries > FOLD_ENTRIES or size > FOLD_BYTES + self._bases.get(battle_id, 0):
                await asyncio.to_thread(fold, self._for_threads, battle_id)
                ((left, self._bases[battle_id]),) = await self._prolonged([battle_id])
                logger.info("log of battle %s folded: %d entries, now %d", battle_id, entries, left)

    async def _prolonged(self, battle_ids: list[UUID]) -> list[tuple[int, int]]:
        """Entries and bytes of each log. Redis looks at each node of a stream: some hundred entries."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in map(log_key, battle_ids):
                pipe.expire(key, LOG_EXPIRY_S)
                pipe.xlen(key)
                pipe.memory_usage(key, samples=0)
            answers = await pipe.execute()
        return [(int(entries), int(size or 0)) for _, entries, size in zip(*[iter(answers)] * 3, strict=True)]
