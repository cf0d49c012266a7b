from collections.abc import AsyncIterator

import httpx
import pytest

from arena.contestants.simulator.server import Simulator, start_simulator


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    aliases = {"qwq:32b": "load?think=0.5&reasoning=unopened", "o1": "load?rules=o1-mini&reasoning=hidden&think=0.5"}
    async with await start_simulator(aliases=aliases, body_max_bytes=100_000) as running:
        yield running


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=simulator.url, timeout=10, trust_env=False) as opened:
        yield opened
