"""What a real browser makes of hostile prompts, reasoning and answers, with no Content-Security-Policy to help."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.template.loader import render_to_string
from playwright.sync_api import Page

from arena.battles.queries import BlindResponse, BlindTurn
from arena.battles.steps import split_steps
from tests.elements.conftest import Site

ROOT = Path(__file__).parent.parent.parent
HOSTILE: list[str] = json.loads((ROOT / "tests" / "js" / "data" / "hostile.json").read_text())
FORBIDDEN = (
    "img, script, style, link, iframe, object, embed, form, input, base, meta, video, audio, image, foreignObject"
)

pytestmark = pytest.mark.browser


def hostile_turn(index: int, text: str) -> BlindTurn:
    """The text as prompt, as reasoning, as answer beside it, and as answer without reasoning."""
    spans = tuple(split_steps(text))
    reasoned = BlindResponse("A", index, "finished", text, text, None, is_truncated=False, steps=spans)
    answered = BlindResponse("B", index, "finished", "", text, None, is_truncated=False, steps=spans)
    return BlindTurn(index, text, (reasoned, answered))


def hostile_page() -> str:
    turns = tuple(hostile_turn(index, text) for index, text in enumerate(HOSTILE))
    battle = SimpleNamespace(battle=SimpleNamespace(turns=turns, slots=("A", "B")), may_steer=False, reveal=None)
    sections = "".join(
        render_to_string("battles/_turn.html", {"turn": turn, "voters_battle": battle}) for turn in turns
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Hostile</title>'
        '<script type="module" src="/pages/battle.js"></script>'
        f'<battle-stream data-socket="/ws/" data-battle="/" data-status="revealed">{sections}</battle-stream></html>'
    )


def test_hostile_text_runs_nothing_and_fetches_nothing(page: Page, site: Site) -> None:
    site.pages["/"] = 200, hostile_page()
    address = f"{site.address}/"
    asked: list[str] = []
    dialogs: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))

    page.goto(address)
    page.wait_for_selector("[data-plain]", state="detached", timeout=60_000)

    assert page.locator(".katex").count() > 30
    assert page.evaluate("window.hit") is None
    assert dialogs == []
    assert [url for url in asked if url not in (address, f"{address}pages/battle.js", f"{address}favicon.ico")] == []
    assert page.locator(f"response-pane :is({FORBIDDEN}), .turn__prompt :is({FORBIDDEN})").count() == 0
    links = page.eval_on_selector_all(".prose a", "links => links.map(link => link.protocol + link.rel + link.target)")
    assert set(links) <= {f"{scheme}:noopener nofollow ugc_blank" for scheme in ("http", "https", "mailto")}
    assert page.url == address
