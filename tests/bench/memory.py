"""What running streams and their viewers hold in memory: a new arena, many battles that go on slowly, then viewers."""

import asyncio

from tests.bench.followers import Follower, begin_all, stop, visitor
from tests.bench.load import SHORT, SLOW
from tests.bench.processes import Costs
from tests.bench.readers import Reading
from tests.bench.rig import Arena, Rig
from tests.bench.rows import Row

BATTLES = 100
VIEWERS_PER_BATTLE = 4
BATTLES_BEFORE = 5
SETTLE_S = 2.0
TEXT_LIMIT_S = 60.0
POLL_S = 0.1
COLUMNS = {
    "streams_running": "streams",
    "when": "",
    "worker_kb_per_stream": "worker kB/stream",
    "redis_kb_per_stream": "redis kB/stream",
    "web_kb_per_viewer": "web kB/viewer",
    "viewers": "viewers",
    "worker_kept_kb_per_stream": "worker keeps kB/stream",
    "worker_rss_mb": "worker MB",
    "web_rss_mb": "web MB",
    "redis_rss_mb": "redis MB",
}


def measure_memory(rig: Rig, battles: int = BATTLES) -> list[Row]:
    with rig.arena("memory") as arena:
        rig.read(arena, SHORT, BATTLES_BEFORE)  # what is made with the first battle is no matter of how many there are
        return [asyncio.run(_measure(arena, battles, when)) for when in ("first time", "again")]


async def _measure(arena: Arena, battles: int, when: str) -> Row:
    async with visitor() as session, asyncio.TaskGroup() as group:
        await asyncio.sleep(SETTLE_S)
        idle = arena.costs()
        followers = await begin_all(session, arena.address, SLOW, map("memory {}".format, range(battles)))
        following = [group.create_task(follower.follow()) for follower in followers]
        await _until_text(followers)
        streaming = arena.costs()
        more = [
            Follower(session, arena.address, follower.battle_id, Reading(follower.reading.key))
            for follower in followers
            for _ in range(VIEWERS_PER_BATTLE)
        ]
        following += [group.create_task(follower.follow()) for follower in more]
        await _until_text(more)
        watched = arena.costs()
        for follower in followers:
            await stop(session, follower)
        for task in following:
            task.cancel()
        await asyncio.sleep(SETTLE_S)
    return _row(when, battles, len(more), idle, streaming, watched, arena.costs())


async def _until_text(followers: list[Follower]) -> None:
    async with asyncio.timeout(TEXT_LIMIT_S):
        while any(len(follower.heard) < SLOW.streams for follower in followers):  # noqa: ASYNC110  # a look now and then
            await asyncio.sleep(POLL_S)
    await asyncio.sleep(SETTLE_S)


def _row(when: str, battles: int, viewers: int, idle: Costs, streaming: Costs, watched: Costs, after: Costs) -> Row:
    streams = battles * SLOW.streams
    return {
        "streams_running": streams,
        "viewers": viewers,
        "when": when,
        "worker_kb_per_stream": _grown_kb(idle, streaming, "worker", streams),
        "redis_kb_per_stream": _grown_kb(idle, streaming, "redis", streams),
        "web_kb_per_viewer": _grown_kb(streaming, watched, "web", viewers),
        "worker_kept_kb_per_stream": _grown_kb(idle, after, "worker", streams),
        **{f"{role}_rss_mb": round(cost.rss_mb, 1) for role, cost in watched.items()},
    }


def _grown_kb(before: Costs, after: Costs, role: str, shares: int) -> float:
    return round((after[role].rss_mb - before[role].rss_mb) * 1000 / shares, 1)
