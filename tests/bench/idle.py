"""What open sockets cost on which nothing happens: browsers that were left open on finished battles.

`python -m tests.bench.idle` runs it alone; `measure_idle` takes an arena that runs already.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import TypeVar

import aiohttp

from tests.bench.processes import cpu_s, free_port, roles, rss_mb, running

SOCKETS = 1000
BATTLES = (1, 100)
LIMIT_PERCENT = 2.0
LIMIT_KB = 20.0
WINDOW_S = 60.0  # four heartbeats
SETTLED_AFTER_S = 3.0
OPENED_AT_ONCE = 20
STARTED_AT_ONCE = 10
TOKENS = 400
MODEL = f"load?tokens={TOKENS}&rate=400&think=0.1"
SLUGS = ("idle-0", "idle-1")
ENDED = {"finished", "failed", "stopped"}
LIMIT_S = 120.0
# What a common browser sends, so that headers take the room that they really take.
BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0",
    "Accept-Language": "en-GB,en-US;q=0.9,en;q=0.8,de;q=0.7",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
    "Cookie": f"csrftoken={'c' * 32}; sessionid={'s' * 32}",
}

Row = dict[str, object]
T = TypeVar("T")
Processes = Callable[[], dict[str, list[int]]]


def catalogue() -> str:
    """Entries for the contestants of the battles that are watched."""
    return "".join(
        f'\n[[contestant]]\nslug = "{slug}"\nname = "{slug}"\nprovider = "openai"\n'
        f'model = "{MODEL}"\nsimulated = true\n'
        for slug in SLUGS
    )


async def measure_idle(
    arena: str,
    processes: Processes,
    *,
    sockets: int = SOCKETS,
    battles: Sequence[int] = BATTLES,
    window_s: float = WINDOW_S,
) -> list[Row]:
    """A row for each number of battles that the sockets are spread over.

    The arena should be fresh: memory that an earlier load has left behind would be taken for nothing.
    """
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        finished = await _each(STARTED_AT_ONCE, [_finished_battle(session, arena) for _ in range(max(battles))])
        addresses = [f"{arena}/ws/battles/{battle}/" for battle in finished]
        async with AsyncExitStack() as stack:  # what the process gets once, for whatever number of sockets
            await _each(OPENED_AT_ONCE, [_open(stack, session, address) for address in addresses[:OPENED_AT_ONCE]])
        await asyncio.sleep(SETTLED_AFTER_S)
        without_mb = rss_mb(processes()["web"])
        return [
            await _measure(
                session,
                processes(),
                [addresses[socket % number] for socket in range(sockets)],
                without_mb=without_mb,
                window_s=window_s,
            )
            for number in battles
        ]


async def _measure(
    session: aiohttp.ClientSession,
    by_role: dict[str, list[int]],
    addresses: Sequence[str],
    *,
    without_mb: float,
    window_s: float,
) -> Row:
    number = len(addresses)
    async with AsyncExitStack() as stack:
        begun_s = cpu_s(by_role["web"])
        sockets = await _each(OPENED_AT_ONCE, [_open(stack, session, address) for address in addresses])
        opening_s = cpu_s(by_role["web"]) - begun_s
        hearing = [asyncio.create_task(_hear(socket)) for socket in sockets]
        await asyncio.sleep(SETTLED_AFTER_S)
        before = {role: cpu_s(pids) for role, pids in by_role.items()}
        await asyncio.sleep(window_s)
        spent = {role: cpu_s(pids) - before[role] for role, pids in by_role.items()}
        with_mb = rss_mb(by_role["web"])
        still_open = sum(not task.done() for task in hearing)
    heard = await asyncio.gather(*hearing)
    return {
        "sockets": number,
        "on_battles": len(set(addresses)),
        "web_cpu_percent": round(spent["web"] / window_s * 100, 2),
        "redis_cpu_percent": round(spent["redis"] / window_s * 100, 2),
        "limit_percent": LIMIT_PERCENT,
        "memory_per_socket_kb": round((with_mb - without_mb) * 1000 / number, 1),
        "limit_kb": LIMIT_KB,
        "opening_cpu_per_socket_ms": round(opening_s * 1000 / number, 2),
        "still_open": still_open,
        "signs_of_life_per_socket_min": min(heard),
    }


async def _finished_battle(session: aiohttp.ClientSession, arena: str) -> str:
    body = {"prompt": "Take your time.", "contestants": SLUGS, "pacing": "live"}
    async with asyncio.timeout(LIMIT_S), session.post(f"{arena}/api/v1/battles", json=body) as answer:
        assert answer.status == 201, await answer.text()
        battle: str = (await answer.json())["id"]
        ended: set[str] = set()
        async with session.ws_connect(f"{arena}/ws/battles/{battle}/") as socket:
            async for message in socket:
                for event in json.loads(message.data)["e"]:
                    if isinstance(event, dict) and ENDED & {event["type"], event.get("status")}:
                        ended.add(event["slot"])
                if len(ended) == len(SLUGS):
                    return battle
    raise AssertionError("the socket closed early")


async def _open(stack: AsyncExitStack, session: aiohttp.ClientSession, address: str) -> aiohttp.ClientWebSocketResponse:
    socket = await stack.enter_async_context(session.ws_connect(address, headers=BROWSER))
    await socket.receive(LIMIT_S)
    return socket


async def _hear(socket: aiohttp.ClientWebSocketResponse) -> int:
    """How many messages came until it was closed."""
    count = 0
    async for _ in socket:
        count += 1
    return count


async def _each(at_once: int, works: Sequence[Coroutine[None, None, T]]) -> list[T]:
    """All of them, in order; so many of them run at once."""
    gate = asyncio.Semaphore(at_once)

    async def run(work: Coroutine[None, None, T]) -> T:
        async with gate:
            return await work

    return await asyncio.gather(*(run(work) for work in works))


def main() -> None:
    parser = argparse.ArgumentParser(prog="idle", description=__doc__)
    parser.add_argument("--sockets", type=int, default=SOCKETS)
    parser.add_argument("--battles", type=int, nargs="*", default=BATTLES)
    parser.add_argument("--window", type=float, default=WINDOW_S, help="seconds")
    options = parser.parse_args()
    with ExitStack() as stack, tempfile.TemporaryDirectory(prefix="arena-idle-") as folder:
        arena = f"http://127.0.0.1:{(port := free_port())}"
        entries = Path(folder) / "catalogue.toml"
        entries.write_text(catalogue())
        environment = {
            "ARENA_VAR": folder,
            "ARENA_CATALOGUE": str(entries),
            "ARENA_SIMULATED": "always",
            "DATABASE_URL": os.environ.get("BENCH_DATABASE_URL", ""),
            "REDIS_URL": "",
            "PORT": str(port),
            "LOG_LEVEL": "warning",
            "OLLAMA_HOST": "http://127.0.0.1:9",
        }
        log = Path(folder) / "bench.log"
        supervised = stack.enter_context(
            running(["manage.py", "arena"], url=f"{arena}/readyz", environment=environment, log=log)
        )
        rows = asyncio.run(
            measure_idle(
                arena,
                lambda: roles(supervised.pid),
                sockets=options.sockets,
                battles=options.battles,
                window_s=options.window,
            )
        )
    sys.stdout.write(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
