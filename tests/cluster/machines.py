"""Machines of a cluster: each a folder and an environment of its own; PostgreSQL and Redis are all that they share."""

import asyncio
import os
import signal
import ssl
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psycopg
import redis
from django.conf import settings
from psycopg import sql

from arena.running.children import kill_group, spawn
from arena.running.preparation import build_digest
from arena.running.redis_server import NEVER_AGAIN, find_server
from tests.live import wait_until
from tests.running.arena_runs import free_port

MANAGE = str(settings.BASE_DIR / "manage.py")
STOP_LIMIT_S = 30.0
PASSWORD = "p%40ss%2Fw%3Ard"  # as a URL has it
PLAIN_PASSWORD = "p@ss/w:rd"
DATABASE_NUMBER = 3


CERTIFICATE = Path(__file__).with_name("data") / "localhost.pem"
ENTRY = """
[[contestant]]
slug = "{slug}"
name = "{slug}"
provider = "ollama"
model = "load?tokens={tokens}&rate={rate}&think=0.5"
simulated = true
"""
# Two who answer within seconds, two who take a while, and two who would go on for hours.
CATALOGUE = "".join(
    ENTRY.format(slug=slug, tokens=tokens, rate=rate)
    for slug, tokens, rate in (
        ("steady", 240, 40),
        ("steady-too", 200, 40),
        ("long", 600, 40),
        ("long-too", 560, 40),
        ("endless", 100_000, 10),
        ("endless-too", 100_000, 10),
    )
)


class TcpRedis:
    """A Redis that others reach by TCP: with a password, and an arena that has one of its numbered databases."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self.port}/{DATABASE_NUMBER}"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def tls_url(self) -> str:
        """The same server behind TLS; `serving_tls` must be open."""
        tls = f"ssl_ca_certs={CERTIFICATE}"
        return f"rediss://:{PASSWORD}@localhost:{self.tls_port}/{DATABASE_NUMBER}?{tls}"

    @contextmanager
    def serving_tls(self) -> Iterator[None]:
        """The server that comes with us knows no TLS: something in front of it does."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(CERTIFICATE)
        loop = asyncio.new_event_loop()
        serving = asyncio.start_server(self._forward, "127.0.0.1", 0, ssl=context)
        front = loop.run_until_complete(serving)
        self.tls_port = int(front.sockets[0].getsockname()[1])
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            yield
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.run_until_complete(_end_all(front))
            loop.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            there, back = await asyncio.open_connection("127.0.0.1", self.port)
            await asyncio.gather(_copy(reader, back), _copy(there, writer))

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

    def pause(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _end_all(front: asyncio.Server) -> None:
    front.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


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
        (folder / "var" / "static").mkdir(parents=True)
        # As if its static files were collected: that takes long, and pages of others know them.
        (folder / "var" / "static.build").write_text(build_digest(Path(settings.STATICFILES_DIRS[0])))
        (folder / "catalogue.toml").write_text(CATALOGUE)
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
            "ARENA_CATALOGUE": str(folder / "catalogue.toml"),
            "PYTHONUNBUFFERED": "1",
        }
        self.environment = os.environ | own | environment

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=10).status_code == 200
        except httpx.TransportError:
            return False

    def start(self, name: str, *arguments: str, **environment: str) -> Part:
        part = Part(self, name, *arguments, **environment)
        self.parts.append(part)
        return part

    def stop(self) -> None:
        for part in self.parts:
            part.stop()
