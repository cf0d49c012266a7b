"""How long viewers wait for text when a part of the arena is killed under them (`kill -9`)."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from tests.bench.followers import Follower, begin, begin_all, stop, visitor
from tests.bench.load import LONG, percentile
from tests.bench.rig import Arena
from tests.bench.rows import Row

PARTS = ("worker", "web", "redis")
BATTLES = 10
LIMIT_S = 60.0
POLL_S = 0.05
FLOWS_FOR_S = 1.5
# What was on its way when the part died may still arrive; text that comes later than this flows again.
ON_ITS_WAY_S = 0.5
COLUMNS = {
    "killed": "killed",
    "streams": "streams",
    "silence_p50_s": "silence p50 s",
    "silence_max_s": "silence max s",
    "new_battle_s": "new battle s",
    "reconnects": "reconnects",
    "never_came_back": "never came back",
    "lost_or_doubled": "lost",
}


def measure_recovery(arena: Arena, parts: Iterable[str] = PARTS, rounds: int = 1, battles: int = BATTLES) -> list[Row]:
    return [asyncio.run(_measure(arena, part, battles)) for part in parts for _ in range(rounds)]


async def _measure(arena: Arena, part: str, battles: int) -> Row:
    async with visitor() as session, asyncio.TaskGroup() as group, asyncio.timeout(3 * LIMIT_S):
        followers = await begin_all(session, arena.address, LONG, map(f"{part} {{}}".format, range(battles)))
        following = [group.create_task(follower.follow()) for follower in followers]
        await _until(lambda: all(_flows(follower, time.monotonic()) for follower in followers), LIMIT_S)
        killed_at = time.monotonic()
        for pid in arena.pids()[part]:
            os.kill(pid, signal.SIGKILL)
        new = await begin(session, arena.address, LONG, f"after {part}")
        following.append(group.create_task(new.follow()))
        await _until(lambda: all(_is_back(follower, killed_at) for follower in [*followers, new]), LIMIT_S)
        await asyncio.sleep(FLOWS_FOR_S)
        for follower in [*followers, new]:
            await stop(session, follower)
        for task in following:
            task.cancel()
    return _row(part, followers, new, killed_at)


async def _until(is_so: Callable[[], bool], limit_s: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(limit_s):
            while not is_so():  # noqa: ASYNC110  # other processes make it so
                await asyncio.sleep(POLL_S)


def _flows(follower: Follower, now: float) -> bool:
    """Has every stream had text for a while?"""
    heard = follower.heard
    return len(heard) == LONG.streams and all(times[0] < now - FLOWS_FOR_S for times in heard.values())


def _is_back(follower: Follower, killed_at: float) -> bool:
    flowing = [times for times in follower.heard.values() if times[-1] > killed_at + ON_ITS_WAY_S]
    return len(flowing) == LONG.streams


def silence_s(heard: list[float], killed_at: float) -> float:
    """The longest time without text around and after the kill."""
    before = [moment for moment in heard if moment <= killed_at][-1:]
    times = [*before, *(moment for moment in heard if moment > killed_at)]
    return max((later - earlier for earlier, later in zip(times, times[1:], strict=False)), default=0.0)


def _row(part: str, followers: list[Follower], new: Follower, killed_at: float) -> Row:
    back = [follower for follower in followers if _is_back(follower, killed_at)]
    silences = [silence_s(heard, killed_at) for follower in back for heard in follower.heard.values()]
    streams = [stream for follower in followers for stream in follower.reading.streams.values()]
    return {
        "killed": part,
        "streams": len(followers) * LONG.streams,
        "silence_p50_s": _s(percentile(silences, 50)) if silences else None,
        "silence_max_s": _s(max(silences)) if silences else None,
        "new_battle_s": _s(new.reading.first_text_at - killed_at) if new.heard else None,
        "reconnects": sum(follower.connections - 1 for follower in followers),
        "never_came_back": LONG.streams * (len(followers) - len(back)),
        "lost_or_doubled": sum(stream.lost_or_doubled(stream.text.count("t")) for stream in streams),
    }


def _s(seconds: float) -> float:
    return round(seconds, 2)
