"""A model server that writes attacks: they are shown as text, streamed, after a reload, and with scripts off."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from arena.battles.models import Battle
from arena.contestants.models import Contestant
from tests.browser.arena_pages import pane, saved_texts, shown_texts, start, wait_for_ballot
from tests.browser.conftest import Visit
from tests.contestants.servers import Answer, Asked, Connection, Server, serving_aside
from tests.factories import make_contestant

CORPUS: list[str] = json.loads((Path(__file__).parent.parent / "js" / "data" / "hostile.json").read_text())
# What opens a block that stays open would keep those after it from being read as anything else: it comes last.
OPENERS = ("```", "~~~", "$$", "\\[", "\\begin")
LAST_WORDS = "That was all of it."
ATTACKS = "\n\n".join([*sorted(CORPUS, key=lambda text: any(opener in text for opener in OPENERS)), LAST_WORDS])
PIECE = 400
FORBIDDEN = (
    "img, script, style, link, iframe, object, embed, form, input, button, base, meta, video, audio, "
    "image, foreignObject"
)


def chunk(**fields: object) -> bytes:
    return f"data: {json.dumps({'choices': [{'index': 0, **fields}]})}\n\n".encode()


def attacker(*, reasons: bool) -> Answer:
    """A server of the OpenAI protocol that streams the corpus as its answer, and, if it reasons, before that too."""

    async def answer(asked: Asked, connection: Connection) -> None:
        await connection.head(Content_Type="text/event-stream")
        for name in ["reasoning_content", "content"] if reasons else ["content"]:
            for begin in range(0, len(ATTACKS), PIECE):
                await connection.send(chunk(delta={name: ATTACKS[begin : begin + PIECE]}))
                await asyncio.sleep(0.01)  # as a stream comes: in many frames of the page
        await connection.send(chunk(delta={}, finish_reason="stop") + b"data: [DONE]\n\n")

    return answer


@pytest.fixture
def attackers(live_arena: object) -> Iterator[list[Server]]:
    Contestant.objects.update(is_available=False)
    with serving_aside(attacker(reasons=True)) as thinker, serving_aside(attacker(reasons=False)) as talker:
        for server in (thinker, talker):
            make_contestant(base_url=f"{server.url}/v1")
        yield [thinker, talker]


def wait_until_painted(page: Page) -> None:
    for slot in "AB":
        expect(pane(page, slot).locator("[data-part=answer]")).to_contain_text(LAST_WORDS)


def assert_harmless(page: Page) -> None:
    """Dialogs, errors and foreign requests are watched by the visitor's own fixture."""
    assert page.evaluate("window.hit") is None
    assert page.locator(f".prose :is({FORBIDDEN})").count() == 0
    ids = page.eval_on_selector_all("[id]", "elements => elements.map(element => element.id)")
    assert len(ids) == len(set(ids)), "no text may pass itself off as a part of the page"
    handlers = "texts => texts.flatMap(text => [...text.querySelectorAll('*')]).flatMap(one => one.getAttributeNames())"
    names = page.eval_on_selector_all(".prose", handlers)
    assert [name for name in names if name.startswith("on")] == []
    schemes = page.eval_on_selector_all(".prose a", "links => links.map(link => link.protocol)")
    assert set(schemes) <= {"http:", "https:", "mailto:"}


def test_attacks_of_a_contestant_run_nothing(page: Page, visit: Visit, attackers: list[Server]) -> None:
    battle: Battle = start(page, "\n".join(CORPUS[:40]))
    expect(page.locator('response-pane[data-status="streaming"] .prose').first).not_to_be_empty()
    assert_harmless(page)
    wait_for_ballot(page)
    assert all(server.asked for server in attackers)
    texts = saved_texts(battle)
    arrived = ATTACKS.replace("\0", "")
    assert sorted(texts.values()) == [("", arrived), (arrived, arrived)]
    assert shown_texts(page) == texts
    wait_until_painted(page)
    assert_harmless(page)

    page.reload()
    expect(page.locator("[data-plain]")).to_have_count(0)
    wait_until_painted(page)
    assert page.locator("response-pane .katex").count() > 10
    assert_harmless(page)
    assert page.url.endswith(battle.get_absolute_url())

    unscripted = visit(java_script_enabled=False).new_page()
    unscripted.goto(battle.get_absolute_url())
    expect(pane(unscripted, "A")).to_contain_text("<script>window.hit=1</script>")
    assert_harmless(unscripted)
