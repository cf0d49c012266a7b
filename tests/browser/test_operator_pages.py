"""The admin's pages for operators, with a real worker behind them: followed live, readable without scripts."""

import asyncio
import json
import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect

from arena.contestants import tasks
from arena.contestants.models import Contestant, Pull
from arena.contestants.trying import start_trial
from arena.teams.models import User
from tests.browser.conftest import Visit
from tests.browser.test_pages import COLOURS_HAVE_CHANGED
from tests.contestants.servers import Asked, Connection, Server, serving_aside
from tests.factories import make_contestant
from tests.live import LiveArena, wait_until

LOAD_MS = 60_000
LIST = "/admin/contestants/contestant/"
Cookie = dict[str, str]

LAYER = {"status": "pulling 6a07", "digest": "sha256:6a07", "total": 2_000_000_000}


@pytest.fixture
def ollama() -> Iterator[Server]:
    """Stays at a quarter of a pull, and in the middle of a thought, until it is left."""

    async def answer(asked: Asked, connection: Connection) -> None:
        if asked.path == "/api/tags":
            await connection.reply({"models": [{"model": "llama3:8b", "size": 4_700_000_000}]})
        elif asked.path == "/api/pull":
            await connection.head(200)
            for line in ({"status": "pulling manifest"}, LAYER, LAYER | {"completed": 500_000_000}):
                await connection.send(json.dumps(line).encode() + b"\n")
            await connection.gone()
        else:
            await connection.head(200)
            for word in ("seventeen ", "<b>times</b> "):
                await connection.send(json.dumps({"message": {"thinking": word}}).encode() + b"\n")
            await asyncio.wait_for(connection.gone(), 120)

    with serving_aside(answer) as server:
        yield server


@pytest.fixture
def signed_in(live_arena: LiveArena) -> Cookie:
    """An administrator's session."""
    client = Client()
    client.force_login(User.objects.create_superuser("admin", password="x"))
    name = settings.SESSION_COOKIE_NAME
    return {"name": name, "value": client.cookies[name].value, "url": live_arena.url}


@pytest.fixture
def operator(visit: Visit, signed_in: Cookie) -> BrowserContext:
    context = visit()
    context.add_cookies([signed_in])  # type: ignore[list-item]  # Playwright's own type
    return context


def assert_accessible(page: Page) -> None:
    """Without axe's own look into style sheets, which our policy forbids."""
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate(COLOURS_HAVE_CHANGED)
        found = Axe().run(page, options={"preload": False})
        assert found.violations_count == 0, found.generate_report()


def fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 780})
    wait_until(
        lambda: page.evaluate("document.documentElement.scrollWidth") <= 360,
        "the page laid out for a phone",
        limit_s=10,
    )
    page.set_viewport_size({"width": 1280, "height": 800})


def test_contestant_is_tried_and_its_text_followed(operator: BrowserContext, ollama: Server) -> None:
    contestant = make_contestant(provider="ollama", model="qwq:32b", base_url=ollama.url)
    page = operator.new_page()
    page.goto(f"{LIST}{contestant.pk}/change/")
    page.get_by_role("link", name="Try it").click()
    page.get_by_role("button", name="Ask it").click()
    expect(page.locator("#trial-reasoning .errand__text")).to_have_text("seventeen <b>times</b>", timeout=LOAD_MS)
    expect(page.get_by_role("button", name="Ask it")).to_be_disabled()
    expect(page.get_by_role("status")).to_have_text("It reasons.")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".errand-state--stopped")).to_be_visible(timeout=LOAD_MS)
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    expect(page.get_by_role("button", name="Ask it")).to_be_enabled()


def test_simulated_contestant_answers_in_place(operator: BrowserContext) -> None:
    contestant = make_contestant(provider="ollama", model="load?tokens=20&rate=0&think=0.5", simulated=True)
    page = operator.new_page()
    page.goto(f"{LIST}{contestant.pk}/try/")
    page.get_by_role("button", name="Ask it").click()
    expect(page.locator("#trial-answer .errand__text")).to_contain_text("t19", timeout=LOAD_MS)
    expect(page.get_by_text("First token")).to_be_visible()
    assert_accessible(page)
    fits_a_phone(page)


def test_pull_is_followed_survives_a_reload_and_can_be_cancelled(operator: BrowserContext, ollama: Server) -> None:
    contestant = make_contestant(provider="ollama", model="qwq:32b", base_url=ollama.url)
    page = operator.new_page()
    page.goto(f"{LIST}pull/?contestant={contestant.pk}")
    expect(page.get_by_role("textbox", name="Model")).to_have_value("qwq:32b")
    expect(page.get_by_label("Ollama server")).to_have_value(ollama.url)
    expect(page.locator("#shelves").get_by_text("llama3:8b").first).to_be_visible(timeout=LOAD_MS)
    page.get_by_role("button", name="Pull it").click()
    expect(page.get_by_text("500 MB of 2.0 GB (25 %)")).to_be_visible(timeout=LOAD_MS)
    assert page.locator("progress").evaluate("bar => bar.value / bar.max") == 0.25
    assert_accessible(page)
    fits_a_phone(page)
    page.reload()
    expect(page.get_by_text("500 MB of 2.0 GB (25 %)")).to_be_visible()
    page.get_by_role("button", name="Cancel pulling qwq:32b").click()
    expect(page.locator(".errand-state--stopped")).to_be_visible(timeout=LOAD_MS)
    assert Pull.objects.get().status == "stopped"


def test_pages_work_without_scripts(visit: Visit, signed_in: Cookie, ollama: Server) -> None:
    contestant = make_contestant(provider="ollama", model="qwq:32b", base_url=ollama.url)
    context = visit(java_script_enabled=False)
    context.add_cookies([signed_in])  # type: ignore[list-item]  # Playwright's own type
    page = context.new_page()
    page.goto(f"{LIST}{contestant.pk}/try/")
    page.get_by_role("button", name="Ask it").click()
    expect(page.locator("#trial-reasoning .errand__text")).to_have_text("seventeen <b>times</b>", timeout=LOAD_MS)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".errand-state--stopped")).to_be_visible(timeout=LOAD_MS)
    page.goto(f"{LIST}pull/")
    page.get_by_role("link", name="What the Ollama servers have").click()
    expect(page.get_by_role("heading", name=re.compile("Ollama at"))).not_to_have_count(0)


@pytest.mark.parametrize("path", ["", "add/", "try/", "pull/", "pull/models/"])
def test_admin_of_contestants_is_accessible_and_holds_the_policy(operator: BrowserContext, path: str) -> None:
    page = operator.new_page()
    answer = page.goto(f"{LIST}{path}")
    assert answer and answer.status == 200
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert not re.search(r"<script(?![^>]* (?:src|id)=)|<style|\sstyle=|\son\w+=|javascript:", answer.text())
    assert_accessible(page)
    fits_a_phone(page)


def test_chosen_contestants_are_tried_together(operator: BrowserContext) -> None:
    names = [
        make_contestant(
            provider="ollama", model="load?tokens=5&rate=0", simulated=True, name=f"Simulated {number}"
        ).name
        for number in (1, 2)
    ]
    page = operator.new_page()
    page.goto(LIST)
    for name in names:
        page.get_by_role("row").filter(has_text=name).locator(".action-select").check()
    page.get_by_label("Action:").select_option("try_chosen")
    page.get_by_role("button", name="Run the selected action").or_(page.get_by_role("button", name="Go")).click()
    page.get_by_role("button", name="Ask all 2").click()
    expect(page.locator(".errand-state--done")).to_have_count(2, timeout=LOAD_MS)
    assert_accessible(page)


def test_follower_says_when_the_arena_is_away(operator: BrowserContext, ollama: Server) -> None:
    contestant = Contestant.objects.get(pk=make_contestant(provider="ollama", model="qwq", base_url=ollama.url).pk)
    trial = start_trial(contestant)
    page = operator.new_page()
    page.goto(f"{LIST}{contestant.pk}/try/")
    operator.set_offline(True)
    expect(page.get_by_role("status")).to_have_text("The arena does not answer. Trying again …", timeout=LOAD_MS)
    operator.set_offline(False)
    tasks.enqueue(trial)
    expect(page.locator("#trial-reasoning .errand__text")).to_contain_text("seventeen", timeout=LOAD_MS)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".errand-state--stopped")).to_be_visible(timeout=LOAD_MS)
