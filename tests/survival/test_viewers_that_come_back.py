"""Whoever watches ends with the texts of the database, however often the connection was lost."""

import asyncio
import random

import pytest

from arena.battles import doors
from arena.battles.models import Battle, Response
from arena.contestants.models import Contestant
from tests.factories import make_contestant, make_voter
from tests.live import LiveArena
from tests.survival.viewer import Texts, Viewer, hanging_up

LIMIT_S = 60.0


def simulated(*models: str) -> list[Contestant]:
    return [make_contestant(simulated=True, model=model) for model in models]


def start(*models: str) -> Battle:
    contestants = [contestant.slug for contestant in simulated(*models)]
    return doors.open_battle(make_voter(), prompt="Go on.", size=len(contestants), contestants=contestants)


def saved(battle: Battle) -> Texts:
    responses = Response.objects.filter(turn__battle=battle).select_related("turn", "seat")
    return {(made.turn.index, made.seat.slot): (made.reasoning, made.answer) for made in responses}


async def watch_all(viewers: list[Viewer], seeds: list[int]) -> None:
    async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as group:
        for viewer, seed in zip(viewers, seeds, strict=True):
            group.create_task(viewer.watch(hanging_up(50, of_messages=55, seed=seed) if seed else None))


@pytest.fixture(autouse=True)
def only_ours(live_arena: LiveArena) -> None:
    Contestant.objects.update(is_available=False)


def test_fifty_reconnects_lose_and_double_nothing(live_arena: LiveArena) -> None:
    battle = start(
        "load?tokens=500&rate=60&think=0.5", "load?tokens=400&rate=70&think=0.6&reasoning=unopened", "load?tokens=300"
    )
    viewer = Viewer(live_arena.url, str(battle.pk), slots=3)
    asyncio.run(watch_all([viewer], [random.randrange(1, 10_000)]))
    assert viewer.connections >= 51
    assert viewer.texts == saved(battle)
    assert {made.output_tokens for made in Response.objects.filter(turn__battle=battle)} == {500, 400, 300}


def test_twenty_tabs_see_the_same(live_arena: LiveArena) -> None:
    battle = start("load?tokens=400&rate=80&think=0.5", "load?tokens=300&rate=60&think=0.5")
    viewers = [Viewer(live_arena.url, str(battle.pk), slots=2) for _ in range(20)]
    asyncio.run(watch_all(viewers, [number if number % 2 else 0 for number in range(20)]))
    expected = saved(battle)
    assert all(viewer.texts == expected for viewer in viewers)
    assert len(expected[0, "A"][0]) > 500
