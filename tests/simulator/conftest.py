from collections.abc import AsyncIterator

import httpx
import pytest

from arena.contestants.simulator.server import Simulator, start_simulator

ALIASES = {"qwq:32b": "load?think=0.5&reasoning=unopened", "o1": "load?rules=o1-mini&reasoning=hidden&think=0.5"}
PULLABLE = {"marco-o1:7b": "load?tokens=3&rate=0&size=4700000000&pull-time=0.3"}


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with await start_simulator(aliases=ALIASES, pullable=PULLABLE, body_max_bytes=100_000) as running:
        yield running


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=simulator.url, timeout=10, trust_env=False) as opened:
        yield opened
