"""kill -9 in mid-battle: the battle ends all the same, viewers have the saved texts, ballots stay."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from arena.battles import tasks
from arena.battles.models import Battle, Response
from arena.contestants.models import Contestant
from arena.running.redis_server import EmbeddedRedis
from arena.voting.models import Ballot
from arena.voting.services import cast_ballot
from tests.factories import make_finished_battle, make_voter
from tests.live import LiveArena, wait_until
from tests.survival.test_viewers_that_come_back import saved, start
from tests.survival.viewer import Viewer

LIMIT_S = 60.0
MODELS = ("load?tokens=240&rate=60&think=0.5", "load?tokens=200&rate=50&think=0.5")


@pytest.fixture(autouse=True)
def ballot(live_arena: LiveArena) -> Iterator[Ballot]:
    """One that was cast before; it is there afterwards."""
    cast = cast_ballot(make_finished_battle(), make_voter(), verdicts={"A": "correct", "B": "flawed"}, best="A")
    Contestant.objects.update(is_available=False)  # so that the simulated ones of these tests are in play
    yield cast
    assert Ballot.objects.filter(pk=cast.pk).exists()


def kill_in_mid_battle(live_arena: LiveArena, kill: Callable[[], None]) -> tuple[Battle, Viewer]:
    """A battle with a viewer; `kill` is called once text has come. Returns when the viewer has seen the end."""
    battle = start(*MODELS)
    viewer = Viewer(live_arena.url, str(battle.pk), slots=2)
    text_has_come = threading.Event()

    async def watch() -> None:
        async def tell() -> bool:
            if any(map(any, viewer.texts.values())):
                text_has_come.set()
            return False

        async with asyncio.timeout(LIMIT_S):
            await viewer.watch(tell)

    watching = threading.Thread(target=asyncio.run, args=(watch(),))
    watching.start()

    assert text_has_come.wait(LIMIT_S)
    kill()
    wait_until(lambda: swept(battle), "the end of the battle", limit_s=LIMIT_S)
    watching.join(LIMIT_S)
    return battle, viewer


def swept(battle: Battle) -> bool:
    """What beat has a worker do every few seconds, and whether the battle has ended by now."""
    tasks.sweep()
    battle.refresh_from_db()
    return not battle.is_running


def assert_ended_well(battle: Battle, viewer: Viewer) -> None:
    assert viewer.has_seen_the_end
    assert viewer.texts == saved(battle)
    for response in Response.objects.filter(turn__battle=battle):
        assert response.status == "finished" or response.failure_message


def test_battle_survives_its_worker(live_arena: LiveArena) -> None:
    def kill() -> None:
        live_arena.worker.kill()
        live_arena.worker.ensure()

    battle, viewer = kill_in_mid_battle(live_arena, kill)
    assert_ended_well(battle, viewer)
    assert {made.attempt for made in Response.objects.filter(turn__battle=battle)} == {2}


def test_battle_does_not_notice_the_web_process(live_arena: LiveArena) -> None:
    def kill() -> None:
        live_arena.web.kill()
        live_arena.web.ensure()

    battle, viewer = kill_in_mid_battle(live_arena, kill)
    assert_ended_well(battle, viewer)
    assert {made.attempt for made in Response.objects.filter(turn__battle=battle)} == {1}


def test_battle_survives_redis(live_arena: LiveArena, redis_server: EmbeddedRedis) -> None:
    def kill() -> None:
        assert redis_server.process is not None
        redis_server.process.kill()
        redis_server.process.wait()
        redis_server.start()

    battle, viewer = kill_in_mid_battle(live_arena, kill)
    assert_ended_well(battle, viewer)


def test_battle_survives_a_redis_that_forgets_everything(live_arena: LiveArena) -> None:
    battle, viewer = kill_in_mid_battle(live_arena, lambda: tasks._redis.flushall() and None)
    assert_ended_well(battle, viewer)
