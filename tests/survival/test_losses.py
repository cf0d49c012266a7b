"""The database or Redis is away for a while: what runs goes on, what ends is saved, and nothing is swallowed."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from arena.battles.models import Battle, Response, ResponseStatus
from arena.contestants.models import Contestant
from arena.running.redis_server import EmbeddedRedis
from arena.voting.models import Ballot
from tests.factories import make_finished_battle
from tests.live import LiveArena, wait_until
from tests.survival.asking import Answer, ask
from tests.survival.test_processes_that_die import LIMIT_S, assert_ended_well, kill_in_mid_battle

BALLOT = {"verdicts": {"A": "correct", "B": "flawed"}, "best": "A"}


@pytest.fixture(autouse=True)
def only_ours(live_arena: LiveArena) -> None:
    Contestant.objects.update(is_available=False)


def streaming() -> bool:
    return Response.objects.filter(status=ResponseStatus.STREAMING).exists()


def without_memory(server: EmbeddedRedis) -> None:
    shutil.rmtree(server.directory / "redis", ignore_errors=True)
    (server.directory / "appendonly.aof").unlink(missing_ok=True)


def test_battle_ends_while_redis_is_away_for_good(live_arena: LiveArena, redis_server: EmbeddedRedis) -> None:
    """All is saved without it; a new one, which knows nothing, is told everything."""

    def lose_redis() -> None:
        assert redis_server.process is not None
        redis_server.process.kill()
        redis_server.process.wait()
        wait_until(lambda: not streaming(), "the end of both responses", limit_s=LIMIT_S)
        without_memory(redis_server)
        redis_server.start()

    battle, viewer = kill_in_mid_battle(live_arena, lose_redis)
    assert_ended_well(battle, viewer)
    ended = Response.objects.filter(turn__battle=battle)
    assert {(made.status, made.attempt) for made in ended} == {("finished", 1)}


@contextmanager
def closed_database() -> Iterator[None]:
    """Nobody can write to it; PostgreSQL's lets nobody in at all."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(str(name), timeout=20)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            yield
            holder.rollback()
        return
    address = {key: connection.settings_dict[key.upper()] for key in ("host", "port", "user", "password")}
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's has one; what it holds is about to break
    with psycopg.connect(dbname="postgres", autocommit=True, **address) as owner:
        let_in = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        owner.execute(let_in.format(sql.Identifier(name), sql.SQL("false")))
        try:
            owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            yield
        finally:
            owner.execute(let_in.format(sql.Identifier(name), sql.SQL("true")))


def test_database_that_takes_nothing_for_a_while_swallows_nothing(live_arena: LiveArena) -> None:
    """For longer than SQLite's users wait for its lock: most of this test's time."""
    judged = make_finished_battle()
    Contestant.objects.update(is_available=False)
    address = f"{live_arena.url}/api/v1/battles/{judged.pk}/ballot"
    refused: list[Answer] = []

    def lock() -> None:
        with closed_database():
            refused.append(ask("PUT", address, BALLOT))
            log = live_arena.worker.log
            wait_until(lambda: "does not take a response" in log.read_text(), "an end that cannot be saved")

    battle, viewer = kill_in_mid_battle(live_arena, lock)
    assert_ended_well(battle, viewer)
    assert {made.attempt for made in Response.objects.filter(turn__battle=battle)} == {1}

    assert (refused[0].status, refused[0].retry_after) == (503, "5")
    assert "try again" in refused[0].body["detail"]
    assert ask("PUT", address, BALLOT).status == 200
    assert Ballot.objects.filter(battle=judged).count() == 1
    assert not Battle.objects.filter(pk=battle.pk, status="running").exists()
