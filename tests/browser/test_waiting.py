"""Two contestants on one Ollama that has room for one: what its readers see while there is nothing to read."""

import asyncio
import json
import re
from collections import defaultdict

from playwright.sync_api import Page, expect

from arena.battles.models import Battle
from tests.browser.arena_pages import LOAD_MS, battle_of, only_in_play, pane, state, wait_for_ballot, written
from tests.browser.test_pages import assert_accessible
from tests.contestants.servers import Asked, Connection, serving_aside
from tests.factories import make_contestant


class SmallOllama:
    """One model at a time is in memory, and stays there until its response has ended. A test opens the gates."""

    def __init__(self) -> None:
        self.memory: list[str] = []
        self.served: list[str] = []
        self._room = asyncio.Lock()
        self._gates: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self, gate: str) -> None:
        assert self._loop
        self._loop.call_soon_threadsafe(self._gates[gate].set)

    async def answer(self, asked: Asked, connection: Connection) -> None:
        self._loop = asyncio.get_running_loop()
        if asked.path == "/api/ps":
            rows = [{"model": model, "expires_at": "2030-01-02T03:04:05Z"} for model in self.memory]
            await connection.reply({"models": rows})
            return
        model = str(asked.body["model"])
        async with self._room:
            self.served.append(model)
            self.memory.clear()
            await self._gates[f"{model} is loaded"].wait()
            self.memory.append(f"{model}:latest")
            await connection.head()
            await self._say(connection, message={"thinking": "Two and two."})
            await self._gates[f"{model} has finished"].wait()
            await self._say(connection, message={"content": "4"}, done=True)

    async def _say(self, connection: Connection, **chunk: object) -> None:
        await connection.send(json.dumps(chunk).encode() + b"\n")


def slot_of(battle: Battle, model: str) -> str:
    return battle.seats.get(contestant__model=model).slot


def expect_state(page: Page, slot: str, words: str) -> None:
    expect(state(page, slot)).to_have_text(re.compile(rf"^{words}, \d+:\d\d$"), timeout=LOAD_MS)


def test_second_contestant_of_a_small_server_waits_in_line_until_the_first_has_finished(page: Page) -> None:
    ollama = SmallOllama()
    with serving_aside(ollama.answer) as server:
        only_in_play()
        battle = battle_of(
            [make_contestant(provider="ollama", base_url=server.url, model=model) for model in ("marco-o1", "qwq")]
        )
        page.goto(battle.get_absolute_url())
        for slot in "AB":
            expect_state(page, slot, "Loading into memory")
        first_model, second_model = sorted(["marco-o1", "qwq"], key=lambda model: model not in ollama.served)
        first, second = slot_of(battle, first_model), slot_of(battle, second_model)

        ollama.open(f"{first_model} is loaded")
        expect_state(page, first, "Reasoning")
        expect_state(page, second, "Waiting in line")
        page.reload()
        expect_state(page, second, "Waiting in line")
        expect(written(page, first).first).to_have_text("Two and two.")
        expect(pane(page, second).locator("[data-part=patience]")).to_be_visible()
        assert_accessible(page)

        ollama.open(f"{first_model} has finished")
        expect(state(page, first)).to_have_text("Finished", timeout=LOAD_MS)
        expect_state(page, second, "Loading into memory")
        ollama.open(f"{second_model} is loaded")
        expect_state(page, second, "Reasoning")
        ollama.open(f"{second_model} has finished")
        wait_for_ballot(page)
