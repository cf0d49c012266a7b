"""What the tests of contestants may ask for: a http_client as the workers have it."""

from collections.abc import AsyncGenerator

import httpx
import pytest

from arena.contestants.providers.http import make_client


@pytest.fixture
async def http_client() -> AsyncGenerator[httpx.AsyncClient, None]:
    async with make_client() as http_client:
        yield http_client
