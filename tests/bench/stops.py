"""How fast a stop reaches the model servers: from the visitor's click to the end of the connection, as they see it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp

from tests.bench.load import percentile
from tests.bench.rows import Row
from tests.contestants.protocols import ALL, BY_PATH
from tests.contestants.servers import Asked, Connection

LIMIT_MS = 200.0
ROUNDS = 10
WAIT_LIMIT_S = 60.0
POLL_S = 0.01
PIECE_EVERY_S = 0.01
MODEL = "bench"
MOMENTS = ("before the answer", "in mid-stream")

COLUMNS = {
    "stop": "stop",
    "protocol": "protocol",
    "stops": "stops",
    "closed_after_p50_ms": "closed p50 ms",
    "closed_after_max_ms": "closed max ms",
    "within_limit": f"within {LIMIT_MS:g} ms",
}


@dataclass
class Upstream:
    """Model servers of all protocols that never come to an end, and note when they are left."""

    moment: str = MOMENTS[0]
    pieces: dict[str, int] = field(default_factory=dict)
    left_at: dict[str, float] = field(default_factory=dict)

    async def answer(self, asked: Asked, connection: Connection) -> None:
        if asked.path == "/api/tags":
            await connection.reply({"models": [{"name": MODEL}]})
        elif asked.path not in BY_PATH:
            await connection.reply({"detail": "Not Found"}, 404)
        else:
            await self._until_left(asked.path, connection)

    async def _until_left(self, path: str, connection: Connection) -> None:
        self.pieces[path] = 0
        leaving = asyncio.create_task(connection.gone())
        if self.moment == MOMENTS[1]:
            await connection.head()
            while not leaving.done():
                await connection.send(BY_PATH[path].begin)
                self.pieces[path] += 1
                await asyncio.wait((leaving,), timeout=PIECE_EVERY_S)
        await asyncio.wait((leaving,))
        self.left_at[path] = time.monotonic()

    def begin(self, moment: str) -> None:
        self.moment, self.pieces, self.left_at = moment, {}, {}

    @property
    def is_at_work(self) -> bool:
        enough = 0 if self.moment == MOMENTS[0] else 20
        return len(self.pieces) == len(ALL) and min(self.pieces.values()) >= enough


def slug_of(provider: str) -> str:
    return f"stop-{provider}"


def catalogue(url: str) -> str:
    """Entries for one contestant of each protocol, asked at `url`."""
    entries = ({"slug": slug_of(one.provider), "name": one.provider, "model": MODEL} | one.fields(url) for one in ALL)
    return "".join(
        "\n[[contestant]]\n" + "".join(f'{name} = "{value}"\n' for name, value in entry.items()) for entry in entries
    )


async def measure_stops(arena: str, upstream: Upstream, rounds: int) -> list[Row]:
    """A row for each moment and protocol."""
    return [row for moment in MOMENTS for row in await _measure_moment(arena, upstream, moment, rounds)]


async def _measure_moment(arena: str, upstream: Upstream, moment: str, rounds: int) -> list[Row]:
    took_ms: dict[str, list[float]] = {path: [] for path in BY_PATH}
    for _ in range(rounds):
        for path, milliseconds in (await _stop_once(arena, upstream, moment)).items():
            took_ms[path].append(milliseconds)
    return [
        {
            "stop": moment,
            "protocol": BY_PATH[path].provider,
            "stops": len(values),
            "closed_after_p50_ms": round(percentile(values, 50), 1),
            "closed_after_max_ms": round(max(values), 1),
            "limit_ms": LIMIT_MS,
            "within_limit": sum(value <= LIMIT_MS for value in values),
        }
        for path, values in took_ms.items()
    ]


async def _stop_once(arena: str, upstream: Upstream, moment: str) -> dict[str, float]:
    upstream.begin(moment)
    api = f"{arena}/api/v1/battles"
    contestants = [slug_of(protocol.provider) for protocol in ALL]
    body = {"prompt": "Go on.", "contestants": contestants, "pacing": "live"}
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
        asyncio.timeout(WAIT_LIMIT_S),
    ):
        async with session.post(api, json=body) as answer:
            assert answer.status == 201, await answer.text()
            battle = await answer.json()
        await _until(lambda: upstream.is_at_work)
        clicked_at = time.monotonic()
        async with session.post(f"{api}/{battle['id']}/stop") as answer:
            assert answer.status == 200, await answer.text()
        await _until(lambda: len(upstream.left_at) == len(ALL))
    return {path: (left_at - clicked_at) * 1000 for path, left_at in upstream.left_at.items()}


async def _until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110  # the servers run in another thread
        await asyncio.sleep(POLL_S)
