"""The whole arena with keys that its model servers tell on in every way: no process, page or store may show one."""

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import redis
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from arena.battles import tasks as battle_tasks
from arena.battles.models import Battle, Response
from arena.contestants import pulling, tasks, trying
from arena.contestants.models import UNDER_WAY, Contestant, Provider, Pull, Trial
from arena.teams.models import User
from tests.contestants.servers import Server, serving_aside
from tests.factories import make_battle, make_contestant
from tests.live import LiveArena, WebProcess, WorkerProcess, live_environment, wait_until
from tests.secrets.canaries import CANARIES, leaks
from tests.secrets.echoing_server import WAYS, answer, key_of
from tests.survival.viewer import Viewer

END_LIMIT_S = 240.0
SLOTS = 6
PAGES_MAX = 250
LAST_COMMAND = "the-last-command-to-be-heard"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving_aside(answer) as server:
        yield server


@pytest.fixture
def arena(server: Server, worker_process: WorkerProcess, transactional_db: None) -> Iterator[LiveArena]:
    """Processes of their own, which have the keys; the others must not take their tasks meanwhile."""
    worker_process.stop()
    keys = {name: key for name, key in CANARIES.items() if name != "password"}
    environment = live_environment() | keys
    environment |= {
        "OLLAMA_HOST": server.url.replace("//", f"//user:{CANARIES['password']}@"),
        "OPENAI_BASE_URL": f"{server.url}/v1",
        "ANTHROPIC_BASE_URL": server.url,
        "LOG_LEVEL": "debug",
    }
    web, worker = WebProcess(environment), WorkerProcess(environment)
    try:
        worker.start()
        web.start()
        yield LiveArena(web, worker)
    finally:
        web.stop()
        worker.stop()


def everybody(url: str) -> list[Contestant]:
    """One for each way, at each kind of server, with each kind of key."""
    kinds: list[dict[str, object]] = [
        {"provider": Provider.OPENAI},
        {"provider": Provider.OPENAI, "base_url": f"{url}/custom/v1", "api_key_env": "MY_HOSTS_CREDENTIAL"},
        {"provider": Provider.OPENAI_RESPONSES},
        {"provider": Provider.ANTHROPIC},
        {"provider": Provider.OLLAMA},
        {"provider": Provider.OLLAMA, "base_url": url, "api_key_env": "OLLAMA_PROXY_BEARER"},
    ]
    return [make_contestant(model=way, **kind) for way in WAYS for kind in kinds]


class RawViewer(Viewer):
    """Keeps every frame as it came."""

    def __init__(self, base_url: str, battle: Battle) -> None:
        super().__init__(base_url, str(battle.pk), slots=SLOTS)
        self.frames: list[str] = []

    def _apply(self, message: dict[str, object]) -> None:
        self.frames.append(json.dumps(message))
        super()._apply(message)


@contextmanager
def all_commands() -> Iterator[list[str]]:
    """Every command that Redis gets meanwhile, Celery's messages among them."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    heard: list[str] = []
    is_listening = threading.Event()

    def listen() -> None:
        with client.monitor() as monitor:
            is_listening.set()
            for command in monitor.listen():
                heard.append(str(command["command"]))
                if LAST_COMMAND in heard[-1]:
                    return

    thread = threading.Thread(target=listen)
    thread.start()
    assert is_listening.wait(20)
    yield heard
    client.echo(LAST_COMMAND)
    thread.join(20)
    client.close()


def play(arena: LiveArena, contestants: list[Contestant]) -> dict[str, str]:
    """Everybody in a battle, watched by browsers; what these get."""
    groups = [contestants[at : at + SLOTS] for at in range(0, len(contestants), SLOTS)]
    battles = [make_battle(SLOTS, contestants=group) for group in groups]
    viewers = [RawViewer(arena.url, battle) for battle in battles]

    async def watch() -> None:
        for battle in battles:
            battle_tasks.play.delay(str(battle.pk))
        await asyncio.wait_for(asyncio.gather(*(viewer.watch() for viewer in viewers)), END_LIMIT_S)

    asyncio.run(watch())
    return {f"socket of {viewer.url}": f"{viewer.frames} {viewer.texts}" for viewer in viewers}


def operate(contestants: list[Contestant]) -> None:
    """Trials, pulls, and the look around that enters what servers list."""
    for contestant in contestants:
        tasks.enqueue(trying.start_trial(contestant))
    for server in pulling.servers().values():
        tasks.enqueue(pulling.start_pull(server, "qwq"))
    tasks.check_availability.delay()
    wait_until(
        lambda: (
            not any(kind._default_manager.filter(status__in=UNDER_WAY).exists() for kind in (Trial, Pull))
            and Contestant.objects.filter(checked_at__isnull=False).exists()
        ),
        "trials, pulls and the look around",
        limit_s=END_LIMIT_S,
    )


def pages(url: str, cookies: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Every page that links lead to, with its headers."""
    waiting = ["/", "/admin/", "/healthz", "/readyz", "/api/v1/openapi.json", "/api/v1/contestants", "/api/v1/battles"]
    waiting += [f"/battles/{battle.pk}/" for battle in Battle.objects.all()]
    waiting += [f"/api/v1/battles/{battle.pk}" for battle in Battle.objects.all()]
    waiting += [
        f"/admin/contestants/contestant/{row.pk}/try/" for row in Contestant.objects.filter(trials__isnull=False)
    ]
    waiting += [
        f"/admin/contestants/{kind._meta.model_name}/{row.pk}/change/"
        for kind in (Trial, Pull)
        for row in kind._default_manager.all()[:50]
    ]
    seen: set[str] = set()
    with httpx.Client(base_url=url, cookies=cookies, timeout=60) as client:
        while waiting and len(seen) < PAGES_MAX:
            path = waiting.pop(0)
            if path in seen:
                continue
            seen.add(path)
            page = client.get(path)
            yield f"{page.status_code} {path}", f"{page.headers} {page.text}"
            links = re.findall(r'href="(/[^"#]*)"', page.text)
            waiting += [link for link in links if "/static/" not in link and "?" not in link and "logout" not in link]


def tables() -> Iterator[tuple[str, str]]:
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            yield f"table {table}", repr(cursor.fetchall())


def stored_in_redis() -> Iterator[tuple[str, str]]:
    client = redis.Redis.from_url(settings.REDIS_URL)
    readers = {
        b"string": client.get,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        b"stream": client.xrange,
    }
    for key in client.scan_iter():
        yield f"Redis {key!r}", repr(readers[client.type(key)](key))
    client.close()


def command_lines() -> Iterator[tuple[str, str]]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield str(path), path.read_text(errors="replace")
        except OSError:
            continue  # it has ended meanwhile


def logs(arena: LiveArena) -> Iterator[tuple[str, str]]:
    for process in (arena.web, arena.worker):
        yield f"log of {process.part}", process.log.read_text(errors="replace")


def test_no_key_is_found_anywhere(arena: LiveArena, server: Server, client: Client) -> None:
    contestants = everybody(server.url)
    client.force_login(User.objects.create_superuser("admin", password="x"))
    cookies = {settings.SESSION_COOKIE_NAME: client.cookies[settings.SESSION_COOKIE_NAME].value}
    with all_commands() as commands:
        found = play(arena, contestants)
        found |= {f"before the reveal: {where}": text for where, text in pages(arena.url, {})}
        operate(contestants[::3])
        Battle.objects.update(revealed_at=timezone.now())
        found |= dict(pages(arena.url, cookies))
    found |= {"commands to Redis": "\n".join(commands)}
    for part in (tables(), stored_in_redis(), command_lines(), logs(arena)):
        found |= dict(part)

    told = {key_of(asked) for asked in server.asked}
    assert set(CANARIES.values()) <= told, "every key was sent, so that it could be told on"
    assert set(Response.objects.values_list("status", flat=True)) == {"finished", "failed"}
    assert set(Trial.objects.values_list("status", flat=True)) == {"done", "failed"}
    assert "Your key is ***" in str([*Response.objects.values_list("answer", flat=True)])
    assert "key_refused" in found["log of worker"]
    assert len(found) > 200

    assert {where: seen[:2] for where, text in found.items() if (seen := leaks(text))} == {}
