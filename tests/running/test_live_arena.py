"""The fixtures that other tests stand on: real processes on the test database, and a real browser."""

import json
import urllib.request

import pytest
from playwright.sync_api import Page

from arena.contestants.models import Contestant
from arena.running import redis_clients
from arena.running.tasks import heartbeat, token_key
from tests.live import LiveArena, WorkerProcess, wait_until


def ask(url: str) -> dict[str, object]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        found: dict[str, object] = json.load(answer)
    return found


def test_the_worker_takes_tasks_sent_by_a_test(worker: WorkerProcess) -> None:
    heartbeat.delay("from a test")
    wait_until(lambda: redis_clients.client().exists(token_key("from a test")), "the task")


def test_a_killed_worker_is_started_again_for_the_next_test(worker: WorkerProcess) -> None:
    worker.kill()
    worker.ensure()
    heartbeat.delay("after a kill")
    wait_until(lambda: redis_clients.client().exists(token_key("after a kill")), "the task")


def test_the_live_arena_sees_the_test_database(live_arena: LiveArena) -> None:
    Contestant.objects.all().delete()
    Contestant.objects.create(slug="only-one", name="Only One", provider="ollama", model="one", is_available=True)
    with urllib.request.urlopen(f"{live_arena.url}/api/v1/contestants", timeout=10) as answer:
        assert [row["slug"] for row in json.load(answer)] == ["only-one"]


def test_the_live_arena_is_ready(live_arena: LiveArena) -> None:
    heartbeat.delay()
    assert ask(f"{live_arena.url}/readyz")["status"] == "ready"


@pytest.mark.browser
def test_the_browser_opens_the_live_arena(page: Page, live_arena: LiveArena) -> None:
    answer = page.goto("/")
    assert answer is not None and answer.ok
    assert "Reasoning Arena" in page.title()
