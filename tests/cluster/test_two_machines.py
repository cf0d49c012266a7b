"""Web, worker and beat on two machines, with PostgreSQL and Redis over TCP: one arena, and no work done twice."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg

from tests.cluster.conftest import POOL, THREADS, Cluster
from tests.cluster.machines import Machine
from tests.live import wait_until
from tests.survival.viewer import Viewer

LIMIT_S = 120.0
# What docs/operating.md says that each process may hold.
REDIS_CONNECTIONS = {"web": 40, "worker": 40, "beat": 12}

Body = dict[str, Any]


class Visitor:
    """One person's browser, which the proxy in front sends now to this machine, now to that."""

    def __init__(self) -> None:
        self.cookies = httpx.Cookies()

    def ask(self, machine: Machine, method: str, path: str, body: object = None) -> Body:
        with httpx.Client(timeout=LIMIT_S, cookies=self.cookies) as client:
            answer = client.request(method, f"{machine.url}/api/v1{path}", json=body)
            self.cookies = client.cookies
        assert answer.is_success, answer.text
        found: Body = answer.json()
        return found

    def start(self, machine: Machine, *contestants: str) -> str:
        wanted = {"prompt": "Go on.", "size": len(contestants), "contestants": contestants}
        return str(self.ask(machine, "POST", "/battles", wanted)["id"])

    def has_ended(self, machine: Machine, battle: str) -> bool:
        return self.ask(machine, "GET", f"/battles/{battle}")["status"] not in {"running", "waiting"}


def texts_of(seen: Body) -> dict[tuple[int, str], tuple[str, str]]:
    return {
        (turn["index"], response["slot"]): (response["reasoning"], response["answer"])
        for turn in seen["turns"]
        for response in turn["responses"]
    }


async def watch_all(viewers: list[Viewer]) -> None:
    async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as group:
        for viewer in viewers:
            group.create_task(viewer.watch())


def test_what_is_started_here_is_watched_there(cluster: Cluster) -> None:
    visitor = Visitor()
    battles = [visitor.start(machine, "steady", "steady-too") for machine in cluster.machines * 4]
    viewers = [Viewer(machine.url, battle, slots=2) for battle in battles for machine in cluster.machines]
    asyncio.run(watch_all(viewers))
    for battle in battles:
        saved = [texts_of(visitor.ask(machine, "GET", f"/battles/{battle}")) for machine in cluster.machines]
        assert saved[0] == saved[1]
        assert len(saved[0]) == 2
        assert all(viewer.texts == saved[0] for viewer in viewers if battle in viewer.url)
    assert attempts(cluster) == {1}


def attempts(cluster: Cluster) -> set[int]:
    with psycopg.connect(cluster.database_url) as connection:
        return {attempt for (attempt,) in connection.execute("SELECT DISTINCT attempt FROM battles_response")}


def test_a_visitor_is_the_same_person_on_every_machine(cluster: Cluster) -> None:
    visitor = Visitor()
    battle = visitor.start(cluster.a, "steady", "steady-too")
    wait_until(lambda: visitor.has_ended(cluster.b, battle), "the end of the battle", limit_s=LIMIT_S)
    ballot = {"verdicts": {"A": "correct", "B": "flawed"}, "best": "A"}
    assert visitor.ask(cluster.b, "PUT", f"/battles/{battle}/ballot", ballot)["status"] == "revealed"
    assert visitor.ask(cluster.a, "GET", f"/battles/{battle}")["my_ballot"]["best"] == "A"

    def counted(machine: Machine) -> bool:
        return bool(visitor.ask(machine, "GET", "/leaderboard")["ballots"])

    wait_until(lambda: counted(cluster.a) and counted(cluster.b), "the leaderboard", limit_s=LIMIT_S)


def test_workers_share_what_there_is_to_play(cluster: Cluster) -> None:
    """A worker that took more than it has threads for would keep it from the other, whose threads are free."""
    visitor = Visitor()
    battles = [visitor.start(cluster.a, "endless", "endless-too") for _ in range(2 * THREADS - 2)]
    wait_until(lambda: playing(cluster) == 2 * len(battles), "all of them to play", limit_s=LIMIT_S)
    for battle in battles:
        visitor.ask(cluster.b, "POST", f"/battles/{battle}/stop")
    wait_until(lambda: not playing(cluster), "the stops", limit_s=LIMIT_S)


def playing(cluster: Cluster) -> int:
    with psycopg.connect(cluster.database_url) as connection:
        found = connection.execute("SELECT count(*) FROM battles_response WHERE status = 'streaming'").fetchone()
    return int(found[0]) if found else 0


def test_connections_are_bounded_under_load(cluster: Cluster) -> None:
    visitor = Visitor()
    battle = visitor.start(cluster.a, "steady", "steady-too")
    pages = ["/healthz", f"/api/v1/battles/{battle}", "/api/v1/leaderboard", "/api/v1/contestants", "/api/v1/battles"]

    def ask(number: int) -> int:
        machine = cluster.machines[number % 2]
        return client.get(f"{machine.url}{pages[number % len(pages)]}").status_code

    with httpx.Client(timeout=LIMIT_S) as client, ThreadPoolExecutor(40) as threads:
        asked = threads.map(ask, range(160))
        starts = [threads.submit(Visitor().start, cluster.machines[n % 2], "steady", "steady-too") for n in range(20)]
        assert set(asked) == {200}
        assert all(start.result() for start in starts)
    assert postgres_connections(cluster) <= 4 * POOL
    assert redis_connections(cluster) <= 2 * sum(REDIS_CONNECTIONS.values())


def postgres_connections(cluster: Cluster) -> int:
    ours = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s"
    with psycopg.connect(cluster.database_url) as connection:
        found = connection.execute(ours, ["reasoning-arena"]).fetchone()
    return int(found[0]) if found else 0


def redis_connections(cluster: Cluster) -> int:
    with cluster.redis.client() as client:
        return len(client.client_list())


def test_the_other_machine_takes_over_when_one_is_lost(cluster: Cluster) -> None:
    wait_until(lambda: not playing(cluster), "the end of what others have started", limit_s=LIMIT_S)
    visitor = Visitor()
    # More than the other worker has threads for: this one has some of them.
    battles = [visitor.start(cluster.b, "long", "long-too") for _ in range(THREADS + 2)]
    wait_until(lambda: playing(cluster) == 2 * len(battles), "all of them to play", limit_s=LIMIT_S)
    for part in cluster.a.parts:
        part.kill()
    viewers = [Viewer(cluster.b.url, battle, slots=2) for battle in battles]
    asyncio.run(watch_all(viewers))
    for viewer, battle in zip(viewers, battles, strict=True):
        seen = visitor.ask(cluster.b, "GET", f"/battles/{battle}")
        assert viewer.texts == texts_of(seen)
        assert seen["status"] == "finished"
    assert attempts(cluster) == {1, 2}
    wait_until(cluster.b.is_ready, "the machine that is left", limit_s=LIMIT_S)
