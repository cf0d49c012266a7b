"""`manage.py arena restart` under load: no frame, no ballot and no response is lost, and nothing is played twice."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiohttp
import pytest
from django.conf import LazySettings, settings

from arena.running.supervisor import RENEWED
from tests.running.arena_runs import ArenaRun
from tests.survival.viewer import Viewer

pytestmark = pytest.mark.processes

LIMIT_S = 240.0
BATTLES = 6  # at first
PAUSE_S = 0.5
SLOTS = 2
TOKENS = 200
CATALOGUE = "".join(
    f"""
[[contestant]]
slug = "load-{slot}"
name = "Load {slot}"
provider = "openai"
model = "load?tokens={TOKENS}&rate=50&think=0.5"
simulated = true
"""
    for slot in range(SLOTS)
)


@pytest.fixture
def loaded(var: Path, tmp_path: Path) -> Iterator[ArenaRun]:
    catalogue = tmp_path / "catalogue.toml"
    catalogue.write_text(CATALOGUE)
    with ArenaRun(var, ARENA_CATALOGUE=str(catalogue), ARENA_STOP_GRACE_S="60") as run:
        run.until_ready()
        yield run


def restart(run: ArenaRun) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "manage.py", "arena", "restart"]
    return subprocess.run(command, cwd=settings.BASE_DIR, env=run.environment, capture_output=True, check=False)


@asynccontextmanager
async def asked(
    session: aiohttp.ClientSession, method: str, url: str, body: object
) -> AsyncIterator[aiohttp.ClientResponse]:
    """As a browser does: a connection that was closed before the answer is no answer, and the request is made again."""
    while True:
        try:
            async with session.request(method, url, json=body) as answer:
                await answer.read()
                break
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.1)
    yield answer


async def battle_and_ballot(url: str) -> Viewer:
    """One visitor: starts a battle, watches it to its end, votes."""
    api = f"{url}/api/v1/battles"
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        slugs = [f"load-{slot}" for slot in range(SLOTS)]
        async with asked(session, "POST", api, {"prompt": "Go on.", "contestants": slugs}) as answer:
            assert answer.status == 201, await answer.text()
            battle = await answer.json()
        viewer = Viewer(url, battle["id"], slots=SLOTS)
        await viewer.watch()
        ballot = {"verdicts": {"A": "correct", "B": "flawed"}, "best": "A"}
        async with asked(session, "PUT", f"{api}/{battle['id']}/ballot", ballot) as answer:
            assert answer.status == 200, await answer.text()
        async with asked(session, "GET", f"{api}/{battle['id']}", None) as answer:
            battle = await answer.json()
    assert battle["my_ballot"]["verdicts"] == ballot["verdicts"]
    for response in battle["turns"][0]["responses"]:
        assert response["status"] == "finished", response
        assert viewer.texts[0, response["slot"]] == (response["reasoning"], response["answer"])
        assert f"t{TOKENS - 1}" in response["reasoning"] + response["answer"]
    return viewer


async def under_load(run: ArenaRun, url: str) -> list[Viewer]:
    """Visitors come until both former parts have ended."""
    async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as group:
        visits = [group.create_task(battle_and_ballot(url)) for _ in range(BATTLES)]
        await asyncio.sleep(PAUSE_S)
        restarted = await asyncio.to_thread(restart, run)
        assert restarted.returncode == 0, restarted
        while not all(f"the former {part} has ended" in run.output for part in RENEWED):
            visits.append(group.create_task(battle_and_ballot(url)))
            await asyncio.sleep(PAUSE_S)
    return [visit.result() for visit in visits]


def test_restart_under_load_loses_nothing(loaded: ArenaRun) -> None:
    before = {part: loaded.pid_of(part) for part in ("worker", "web", "beat", "redis")}
    viewers = asyncio.run(under_load(loaded, f"http://127.0.0.1:{loaded.port}"))
    loaded.until_said("beat starts again")
    assert max(viewer.connections for viewer in viewers) > 1, "they have seen the web server go"
    after = {part: loaded.pid_of(part) for part in before}
    assert {part for part in before if before[part] != after[part]} == {"worker", "web", "beat"}
    with closing(sqlite3.connect(loaded.var / "arena.sqlite3")) as database:
        responses = database.execute("SELECT status, attempt, count(*) FROM battles_response GROUP BY 1, 2").fetchall()
        ballots = database.execute("SELECT count(*), count(DISTINCT battle_id) FROM voting_ballot").fetchone()
    assert [row[:2] for row in responses] == [("finished", 1)], "none was played twice"
    assert responses[0][2] >= SLOTS * len(viewers)  # a question is asked again where the answer was lost
    assert ballots == (len(viewers), len(viewers))


def test_nothing_to_restart_is_one_line(tmp_path: Path, settings: LazySettings) -> None:
    with ArenaRun(tmp_path, command=[sys.executable, "manage.py", "arena", "restart"]) as run:
        assert run.until_ended() == 1
    assert run.output == f"arena: no arena is running on {tmp_path}.\n"
