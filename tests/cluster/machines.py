"""Machines of a cluster: each a folder and an environment of its own; PostgreSQL and Redis are all that they share."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import redis
from django.conf import settings
from psycopg import sql

from arena.running.children import kill_group, spawn
from arena.running.redis_server import NEVER_AGAIN, find_server
from tests.live import wait_until
from tests.running.arena_runs import free_port

MANAGE = str(settings.BASE_DIR / "manage.py")
STOP_LIMIT_S = 30.0
PASSWORD = "p%40ss%2Fw%3Ard"  # as a URL has it
PLAIN_PASSWORD = "p@ss/w:rd"
DATABASE_NUMBER = 3


class TcpRedis:
    """A Redis that others reach by TCP: with a password, and an arena that has one of its numbered databases."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self.port}/{DATABASE_NUMBER}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "requirepass": PLAIN_PASSWORD,
            "dir": str(self.folder),
            "save": "",
            "logfile": str(self.folder / "log"),
        }
        command = [find_server()[0], *(word for name, value in options.items() for word in (f"--{name}", value))]
        self.process = spawn(command)
        wait_until(self.answers, "Redis")

    def answers(self) -> bool:
        with self.client() as client:
            try:
                return bool(client.ping())
            except (redis.RedisError, OSError):
                return False

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, socket_timeout=5, retry=NEVER_AGAIN, decode_responses=True)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@contextmanager
def new_database(server_url: str) -> Iterator[str]:
    """A database of its own on this PostgreSQL; its URL."""
    name = f"cluster_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield f"{server_url.rpartition('/')[0]}/{name}"
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


class Part:
    """One process of the arena on a machine."""

    def __init__(self, machine: "Machine", name: str, *arguments: str, **environment: str) -> None:
        self.log = machine.folder / f"{name}.{uuid.uuid4().hex[:6]}.log"
        with self.log.open("wb") as log:
            self.process = spawn(
                [sys.executable, MANAGE, "arena", name, *arguments],
                env=machine.environment | environment,
                stdout=log.fileno(),
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def wait(self) -> None:
        assert self.process.wait(120) == 0, self.said()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                kill_group(self.process, signal.SIGKILL)
                self.process.wait()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Machine:
    """Its own folder, its own port; it knows the others only by the two URLs."""

    def __init__(self, folder: Path, *, database_url: str, redis_url: str, **environment: str) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.port = free_port()
        self.parts: list[Part] = []
        own = {
            "ARENA_VAR": str(folder / "var"),
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "ARENA_SIMULATED": "always",
            "PYTHONUNBUFFERED": "1",
        }
        self.environment = os.environ | own | environment

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def start(self, name: str, *arguments: str, **environment: str) -> Part:
        part = Part(self, name, *arguments, **environment)
        self.parts.append(part)
        return part

    def stop(self) -> None:
        for part in self.parts:
            part.stop()
