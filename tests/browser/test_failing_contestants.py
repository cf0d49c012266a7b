"""A pane whose contestant fails says why, live and after a reload; its button asks again once the cause is gone."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from arena.contestants.errors import QuotaSpent
from arena.contestants.models import Contestant
from tests.browser.arena_pages import LOAD_MS, pane, start, state, wait_for_ballot
from tests.contestants.protocols import ANTHROPIC, BY_PATH, END, OPENAI
from tests.contestants.servers import Asked, Connection, Server, serving_aside
from tests.factories import make_contestant
from tests.live import LiveArena

SPENT = {"error": {"type": "insufficient_quota", "code": "insufficient_quota", "message": "gpt-canary has no credit"}}


class TwoContestants:
    """One whose account is empty until `is_paid`, and one that answers."""

    def __init__(self) -> None:
        self.is_paid = False

    async def answer(self, asked: Asked, connection: Connection) -> None:
        if asked.path == OPENAI.path and not self.is_paid:
            return await connection.reply(SPENT, 429)
        protocol = BY_PATH[asked.path]
        await connection.head()
        await connection.send(protocol.begin + protocol.end)


@pytest.fixture
def server() -> TwoContestants:
    return TwoContestants()


@pytest.fixture
def upstream(server: TwoContestants, live_arena: LiveArena) -> Iterator[Server]:
    Contestant.objects.update(is_available=False)
    with serving_aside(server.answer) as upstream:
        make_contestant("gpt-canary", name="GPT Canary", **OPENAI.fields(upstream.url))
        make_contestant(**ANTHROPIC.fields(upstream.url))
        yield upstream


def test_pane_says_why_and_its_button_asks_again(page: Page, server: TwoContestants, upstream: Server) -> None:
    battle = start(page, "What is 2 + 2?")
    failing = battle.seats.get(contestant__slug="gpt-canary").slot
    other = "A" if failing == "B" else "B"
    failure = pane(page, failing).locator("[data-part=failure]")
    expect(state(page, failing)).to_have_text("Failed", timeout=LOAD_MS)
    expect(failure).to_have_text(QuotaSpent.message)
    expect(state(page, other)).to_have_text("Finished", timeout=LOAD_MS)
    expect(pane(page, other)).to_contain_text(END)

    page.reload()
    expect(failure).to_have_text(QuotaSpent.message)
    assert not re.search("canary|quota|credit left at", page.content(), re.IGNORECASE)

    server.is_paid = True
    pane(page, failing).get_by_role("button", name=f"Try {failing} again").click()
    expect(state(page, failing)).to_have_text("Finished", timeout=LOAD_MS)
    expect(pane(page, failing)).to_contain_text(END)
    expect(failure).to_be_hidden()
    wait_for_ballot(page)
