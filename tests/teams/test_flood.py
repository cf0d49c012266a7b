"""10,000 ballots a minute from one address are cut off, while others vote undisturbed: over the real server."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import aiohttp
import pytest

from arena.running.redis_server import EmbeddedRedis
from arena.voting.models import Ballot
from tests.factories import make_finished_battle
from tests.live import WebProcess, live_environment

FLOOD = 1_000  # as fast as the server answers: some 20,000 a minute on two cores that do other things too
AT_ONCE = 16
ALLOWED = 50
OTHERS = 12
BODY = {"verdicts": {"A": "correct", "B": "flawed"}, "best": "A"}


@pytest.fixture(scope="module")
def guarded_web(django_db_setup: None, redis_server: EmbeddedRedis) -> Iterator[WebProcess]:
    """Behind a proxy, which tells the visitors' addresses."""
    limits = {"ARENA_ADDRESS_BALLOTS_PER_MINUTE": str(ALLOWED), "BEHIND_PROXY": "true"}
    process = WebProcess(live_environment() | limits)
    yield process
    process.stop()


@dataclass
class Seen:
    statuses: Counter[int] = field(default_factory=Counter)
    sentences: set[str] = field(default_factory=set)
    waits_s: list[float] = field(default_factory=list)


async def vote(client: aiohttp.ClientSession, url: str, address: str, seen: Seen) -> None:
    """Without a cookie: each time as somebody new."""
    began = time.monotonic()
    async with client.put(url, json=BODY, headers={"X-Forwarded-For": f"192.0.2.9, {address}"}) as answer:
        body = await answer.json(content_type=None)
    seen.waits_s.append(time.monotonic() - began)
    seen.statuses[answer.status] += 1
    if answer.status == 429:
        seen.sentences.add(body["detail"].partition(":")[0])
        assert int(answer.headers["Retry-After"]) >= 1


async def flood(url: str) -> tuple[Seen, Seen]:
    """One address votes as often as it can; others vote once each meanwhile."""
    attack, others = Seen(), Seen()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
        left = FLOOD

        async def keep_voting() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                await vote(client, url, "203.0.113.5", attack)

        flooding = [asyncio.create_task(keep_voting()) for _ in range(AT_ONCE)]
        for number in range(OTHERS):
            await vote(client, url, f"198.51.100.{number + 1}", others)
        await asyncio.gather(*flooding)
    return attack, others


@pytest.mark.django_db(transaction=True)
def test_one_address_is_cut_off_while_others_vote_undisturbed(guarded_web: WebProcess) -> None:
    guarded_web.ensure()
    battle = make_finished_battle()
    began = time.monotonic()
    attack, others = asyncio.run(flood(f"{guarded_web.url}/api/v1/battles/{battle.pk}/ballot"))
    took_s = time.monotonic() - began
    allowed = ALLOWED * (1 + took_s / 60) + 1  # full at the beginning, and filling up meanwhile
    assert set(attack.statuses) == {200, 429}
    assert ALLOWED <= attack.statuses[200] <= allowed
    assert attack.sentences == {"Too many ballots come from your network just now"}
    assert others.statuses == {200: OTHERS}
    assert Ballot.objects.count() == attack.statuses[200] + OTHERS
