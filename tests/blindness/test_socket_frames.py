"""What the socket sends before the reveal carries no trait of a contestant either."""

from collections.abc import AsyncIterator

import pytest
import redis
from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from django.conf import settings

from arena.battles.event_log import publish
from arena.battles.events import BallotCast, ResponseFailed, ResponseRestarted, ResponseStarted, Revealed, TextDelta
from arena.battles.models import Battle
from arena.battles.relay import close_relay
from arena.battles.urls import websocket_urlpatterns
from arena.contestants.errors import RateLimited
from tests.blindness.telltales import NAMES, found_in, make_cast, measure, telltales
from tests.blindness.test_byte_walk import STATES
from tests.factories import make_voter

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
async def relay_ends_with_its_loop() -> AsyncIterator[None]:
    yield
    await close_relay()


async def frames(battle: Battle) -> AsyncIterator[str]:
    """What a browser gets: the present state, then news of every kind."""
    address = f"/ws/battles/{battle.pk}/"
    scope = {"type": "websocket", "path": address, "query_string": b"", "headers": []}
    socket = ApplicationCommunicator(URLRouter(websocket_urlpatterns), scope)
    await socket.send_input({"type": "websocket.connect"})
    yield str(await socket.receive_output(5))
    yield str(await socket.receive_output(5))
    failure = RateLimited(f"{NAMES[0]} is busy")
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        events = [
            ResponseStarted("A", 0),
            TextDelta("A", 0, "r", "So"),
            ResponseFailed("A", 0, failure.code, failure.message),
        ]
        publish(client, battle.pk, [*events, ResponseRestarted("A", 0), BallotCast(1), Revealed()])
    yield str(await socket.receive_output(5))
    await socket.send_input({"type": "websocket.disconnect", "code": 1000})
    await socket.wait(5)


@database_sync_to_async
def battle_in(number: int) -> tuple[Battle, set[str]]:
    battle = STATES[number](make_voter(), make_cast())
    measure(battle)
    return battle, telltales()


@pytest.mark.parametrize("number", range(len(STATES)), ids=lambda number: STATES[number].__name__)
async def test_no_frame_tells_who_answers(number: int) -> None:
    battle, wanted = await battle_in(number)
    seen = [frame async for frame in frames(battle)]
    assert "revealed" in seen[-1]
    for frame in seen:
        assert not found_in(frame, wanted)
