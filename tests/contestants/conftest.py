"""What the tests of contestants may ask for: a client as the workers have it."""

from collections.abc import AsyncGenerator

import httpx
import pytest

from arena.contestants.providers.http import make_client


@pytest.fixture
async def client() -> AsyncGenerator[httpx.AsyncClient, None]:
    async with make_client() as client:
        yield client
