"""Every protocol fails in every way, under every pacing: nothing that is then shown of the battle tells who took part.

A real worker loop asks simulated servers, which name the model in all they say. Its contestants have the rare names of
`telltales.py`, and one of each protocol takes part in every battle.
"""

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import redis
from django.conf import LazySettings
from django.conf import settings as present_settings
from django.db import connection
from django.urls import reverse

from arena.battles import pacing, runs
from arena.battles.event_log import read_log
from arena.battles.models import Battle, Pacing, Response
from arena.contestants.models import Contestant, Provider
from arena.contestants.simulator.directions import Fault
from arena.contestants.simulator.server import Simulator, start_simulator
from arena.teams.models import Voter
from tests.api.asking import Api, visitor
from tests.blindness.telltales import everything_in, found_in, make_speaker, measure, telltales
from tests.factories import make_battle

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 8
FAULTS = [fault for fault in Fault if fault not in {Fault.HUGE_DELTA, Fault.TOO_LARGE}]  # the same as others, but long
NAMES = ("Zyxquavor", "Brumplekith", "Wexnodjarl", "Quibblofant")
LIMIT_S = 1.0


@contextmanager
def simulated_servers() -> Iterator[str]:
    """Their address. They know the rare names, and say them."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    aliases = {f"vendor{name.lower()}/weights": "load" for name in NAMES}
    simulator = asyncio.run_coroutine_threadsafe(start_simulator(aliases=aliases), loop).result()
    try:
        yield simulator.url
    finally:
        asyncio.run_coroutine_threadsafe(_close(simulator), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _close(simulator: Simulator) -> None:
    async with simulator:
        pass


@pytest.fixture
def hurried(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody is waited for long, and paced text is shown soon."""
    settings.ARENA_RETRY_WAIT_S = 0.0
    settings.ARENA_FIRST_TOKEN_TIMEOUT_S = settings.ARENA_SILENCE_TIMEOUT_S = settings.ARENA_RESPONSE_DEADLINE_S = (
        LIMIT_S
    )
    settings.ARENA_RESPONSE_MAX_CHARS = 2000  # some never end
    for name in ("LISTEN_MIN_S", "LISTEN_MAX_S"):
        monkeypatch.setattr(pacing, name, 0.1)
    monkeypatch.setattr(pacing, "PATIENCE_S", 1.0)
    with simulated_servers() as address:
        settings.SIMULATOR_URL = address
        yield


def failing(fault: Fault, pacing: str, voter: Voter) -> Battle:
    """A battle of one contestant of each protocol, each of whose servers has this fault."""
    cast = [
        make_speaker(name, number, provider=provider, fault=fault)
        for number, (name, provider) in enumerate(zip(NAMES, Provider.values, strict=True))
    ]
    battle = make_battle(voter=voter, contestants=cast)
    Battle.objects.filter(pk=battle.pk).update(pacing=pacing)
    return battle


def play(battle: Battle) -> None:
    with redis.Redis.from_url(present_settings.REDIS_URL) as client:
        runs.play_waiting(battle.pk, client)
    connection.close()


def everything_told(battle: Battle, api: Api) -> bytes:
    """Its page, its answer in the API, and all that sockets were sent of it."""
    with redis.Redis.from_url(present_settings.REDIS_URL) as client:
        log = json.dumps([events for _, events in read_log(client, battle.pk)])
    page = api.client.get(reverse("battle", args=[battle.pk]))
    answer = api.get(f"/battles/{battle.pk}")
    assert (page.status_code, answer.status_code) == (200, 200)
    return everything_in(page) + everything_in(answer) + log.encode()


@pytest.mark.parametrize("pacing", Pacing.values)
def test_no_failure_of_any_protocol_tells_who_answers(hurried: None, pacing: str) -> None:
    api, voter = visitor()
    battles = {fault: failing(fault, pacing, voter) for fault in FAULTS}
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(play, battles.values()))
    codes: set[str] = set()
    for fault, battle in battles.items():
        responses = list(Response.objects.filter(turn__battle=battle))
        assert {response.status for response in responses} <= {"finished", "failed"}, fault
        codes |= {response.failure_code for response in responses}
        measure(battle)
        wanted = telltales(battle)
        assert not found_in(everything_told(battle, api), wanted), fault
    assert len(codes) > 12, "servers fail in many ways, and each is told in words of its own"
    assert Contestant.objects.count() == len(FAULTS) * len(NAMES)
