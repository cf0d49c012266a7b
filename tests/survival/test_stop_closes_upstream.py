"""A stop closes the connection to the model server at once, as that server sees it: in every protocol, at every moment.

The moments are measured on the server's side, from the message that tells the workers. The bench holds them to the
strict figure (`make bench`); a test shares its machine with others.
"""

import asyncio
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest
import redis
from django.conf import settings

from arena.battles import runs
from arena.battles.event_log import STOP_CHANNEL, read_log
from arena.battles.models import Battle, Response
from tests.contestants.protocols import ALL, BEGINNING, BY_PATH, OLLAMA, OPENAI, RESPONSES, Protocol
from tests.contestants.servers import Asked, Connection, serving_aside
from tests.factories import make_battle, make_contestant
from tests.live import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

CLOSED_WITHIN_S = 10.0  # nothing repeats a stop meanwhile: one that is not heard takes for ever
LIMIT_S = 30.0

Conduct = Callable[[Asked, Connection], Awaitable[None]]


class Upstream:
    """A model server that notes when it was left. `conduct` is what it does until then."""

    def __init__(self, conduct: Conduct) -> None:
        self.conduct = conduct
        self.asked: list[str] = []
        self.left_at: dict[str, float] = {}

    async def answer(self, asked: Asked, connection: Connection) -> None:
        if asked.path not in BY_PATH:
            return await connection.reply({"models": []})
        self.asked.append(asked.path)
        leaving = asyncio.create_task(connection.gone())
        working = asyncio.create_task(self.conduct(asked, connection))  # type: ignore[arg-type]  # a coroutine
        await asyncio.wait((leaving, working), return_when=asyncio.FIRST_COMPLETED)
        if leaving.done():
            self.left_at[asked.path] = time.monotonic()
        working.cancel()
        await asyncio.wait((working,))
        leaving.cancel()


async def silence(asked: Asked, connection: Connection) -> None:
    await asyncio.Event().wait()


async def beginning(asked: Asked, connection: Connection) -> None:
    await connection.head()
    await connection.send(BY_PATH[asked.path].begin)
    await silence(asked, connection)


async def small_pieces_without_end(asked: Asked, connection: Connection) -> None:
    """So many that the worker is nearly always in its pause between two reads."""
    await connection.head()
    while True:
        await connection.send(BY_PATH[asked.path].begin)
        await asyncio.sleep(0.002)


async def silence_after_refusing_to_stream(asked: Asked, connection: Connection) -> None:
    if asked.body["stream"]:
        refusal = {"message": "'stream' does not support true with this model", "param": "stream"}
        await connection.reply({"error": refusal}, 400)
    else:
        await silence(asked, connection)


async def half_an_error(asked: Asked, connection: Connection) -> None:
    await connection.head(500, Content_Length="100")
    await connection.send(b'{"error": "I am')
    await silence(asked, connection)


async def wait_please(asked: Asked, connection: Connection) -> None:
    await connection.reply({"error": {"message": "busy"}}, 429, Retry_After="40")


@pytest.fixture
def client() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.REDIS_URL) as made:
        yield made


@contextmanager
def playing(upstream: Upstream, client: redis.Redis, protocols: tuple[Protocol, ...]) -> Iterator[Battle]:
    """A battle against this server, being played."""
    with serving_aside(upstream.answer) as server:
        battle = make_battle(contestants=[make_contestant(**protocol.fields(server.url)) for protocol in protocols])
        thread = threading.Thread(target=runs.play_waiting, args=(battle.pk, client))
        thread.start()
        try:
            yield battle
        finally:
            stop(battle, client)
            thread.join(LIMIT_S)
            assert not thread.is_alive()


def stop(battle: Battle, client: redis.Redis) -> float:
    run = Response.objects.filter(turn__battle=battle)[0].run
    began = time.monotonic()
    client.publish(STOP_CHANNEL, run)
    return began


def events_of(battle: Battle, client: redis.Redis) -> list[object]:
    return [event for _, events in read_log(client, battle.pk) for event in events]


def with_text(battle: Battle, client: redis.Redis) -> set[object]:
    return {event[0] for event in events_of(battle, client) if isinstance(event, list)}


@pytest.mark.parametrize(
    ("conduct", "protocols"),
    [
        (silence, ALL),
        (beginning, ALL),
        (small_pieces_without_end, ALL),
        (half_an_error, ALL),
        (silence_after_refusing_to_stream, (OPENAI, RESPONSES)),
    ],
)
def test_stop_closes_the_connection(conduct: Conduct, protocols: tuple[Protocol, ...], client: redis.Redis) -> None:
    upstream = Upstream(conduct)
    requests = len(protocols) * (2 if conduct is silence_after_refusing_to_stream else 1)
    with playing(upstream, client, protocols) as battle:
        wait_until(lambda: len(upstream.asked) == requests, "all requests")
        if conduct in (beginning, small_pieces_without_end):
            wait_until(lambda: len(with_text(battle, client)) == len(protocols), "the first texts")
        upstream.left_at.clear()
        stopped_at = stop(battle, client)
        wait_until(lambda: len(upstream.left_at) == len(protocols), "the ends of the connections", limit_s=LIMIT_S)
        took_s = {path: left_at - stopped_at for path, left_at in upstream.left_at.items()}
    for path, seconds in took_s.items():
        sys.stdout.write(f"{conduct.__name__} {path}: {seconds * 1000:.1f} ms\n")
    assert min(took_s.values()) > 0
    assert max(took_s.values()) < CLOSED_WITHIN_S
    responses = Response.objects.filter(turn__battle=battle)
    assert {made.status for made in responses} == {"stopped"}
    assert all(made.answer.startswith(BEGINNING.strip()) for made in responses if made.is_truncated)
    assert len(upstream.asked) == requests


def told(battle: Battle, client: redis.Redis, why: str) -> set[str]:
    """Slots whose readers know that they wait for this."""
    events = [event for event in events_of(battle, client) if isinstance(event, dict)]
    return {str(event["slot"]) for event in events if event.get("why") == why}


def test_stop_while_a_model_is_loaded_closes_the_connection(client: redis.Redis) -> None:
    upstream = Upstream(silence)
    with playing(upstream, client, (OLLAMA, OPENAI)) as battle:
        wait_until(lambda: told(battle, client, "loading") == {"A"}, "the model to be loaded")
        stopped_at = stop(battle, client)
        wait_until(lambda: OLLAMA.path in upstream.left_at, "the end of the connection", limit_s=LIMIT_S)
        assert upstream.left_at[OLLAMA.path] - stopped_at < CLOSED_WITHIN_S
    assert {made.status for made in Response.objects.filter(turn__battle=battle)} == {"stopped"}


def test_stop_in_a_pause_between_tries_asks_nobody_again(client: redis.Redis) -> None:
    upstream = Upstream(wait_please)
    with playing(upstream, client, ALL) as battle:
        wait_until(lambda: told(battle, client, "retrying") == set("ABCD"), "the pauses")
        stop(battle, client)
        began = time.monotonic()
        wait_until(lambda: not Response.objects.running().filter(turn__battle=battle).exists(), "the end")
        assert time.monotonic() - began < CLOSED_WITHIN_S
    assert sorted(upstream.asked) == sorted(protocol.path for protocol in ALL)
    assert {made.status for made in Response.objects.filter(turn__battle=battle)} == {"stopped"}
