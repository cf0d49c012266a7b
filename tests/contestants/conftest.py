"""What the tests of contestants may ask for: a http_client as the workers have it."""

from collections.abc import AsyncGenerator

import httpx
import pytest
from hypothesis import HealthCheck, settings

from arena.contestants.providers.http import make_client

# No limits on time: a busy machine is no fault of the code.
settings.register_profile("arena", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("arena")


@pytest.fixture
async def http_client() -> AsyncGenerator[httpx.AsyncClient, None]:
    async with make_client() as http_client:
        yield http_client
