"""Every page, as all visitors meet it: reachable for all, strict about scripts, kind about errors."""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from arena.battles.models import Battle, Response
from arena.leaderboard.services import refresh_leaderboard
from arena.voting.services import cast_ballot
from tests.browser.arena_pages import battle_of, only_in_play, start
from tests.browser.conftest import Visit
from tests.factories import make_battle, make_finished_battle, make_voter
from tests.live import LiveArena, wait_until

FORMULAS = "Let $x = \\frac{1}{2}$.\n\n$$\\sum_{k=0}^{n-1} 10^k$$\n\n| a | b |\n| - | - |\n| 1 | `2` |"


def running() -> str:
    battle = make_battle(3)
    Response.objects.filter(turn__battle=battle, seat__slot="B").update(status="streaming")
    return battle.get_absolute_url()


def finished() -> str:
    battle = make_finished_battle(3)
    Response.objects.filter(turn__battle=battle).update(reasoning=FORMULAS, answer=FORMULAS, steps=[])
    return battle.get_absolute_url()


def with_mishaps() -> str:
    battle = make_finished_battle(3)
    of = Response.objects.filter(turn__battle=battle)
    of.filter(seat__slot="A").update(status="failed", failure_code="deadline", failure_message="It took too long.")
    of.filter(seat__slot="B").update(status="stopped", is_truncated=True)
    return battle.get_absolute_url()


def open_battle() -> str:
    return make_finished_battle(2, blind=False).get_absolute_url()


def ranked() -> str:
    for _ in range(3):
        cast_ballot(make_finished_battle(), make_voter(), verdicts={"A": "correct", "B": "flawed"}, best="A")
    refresh_leaderboard()
    return "/leaderboard/"


def at(path: str) -> Callable[[], str]:
    return lambda: path


PAGES = {
    "new battle": at("/"),
    "new battle about a problem": at("/?problem=parentheses-479"),
    "running": running,
    "finished": finished,
    "with mishaps": with_mishaps,
    "open": open_battle,
    "empty leaderboard": at("/leaderboard/"),
    "leaderboard": ranked,
    "problems": at("/problems/"),
    "problem": at("/problems/parentheses-479/"),
    "contestants": at("/contestants/"),
    "contestants on one's own machines": at("/contestants/?where=own"),
    "contestant": at("/contestants/sim-chatty/"),
    "contestant with figures": at("/contestants/qwq-32b-preview-transformers/"),
    "retired contestant": at("/contestants/o1/"),
    "about": at("/about/"),
    "sign in": at("/accounts/login/"),
    "not found": at("/nowhere/"),
}


COLOURS_HAVE_CHANGED = """async () => {
  for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
  await Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {})));
}"""


def assert_accessible(page: Page) -> None:
    """Colours alone change with the scheme: the dark one is not asked the rest again."""
    page.eval_on_selector_all(".step", "steps => steps.map((step) => (step.style.contentVisibility = 'visible'))")
    light = Axe().run(page)
    assert light.violations_count == 0, light.generate_report()
    page.emulate_media(color_scheme="dark")
    page.evaluate(COLOURS_HAVE_CHANGED)
    dark = Axe().run(page, options={"runOnly": ["color-contrast", "link-in-text-block"]})
    assert dark.violations_count == 0, dark.generate_report()
    page.emulate_media(color_scheme="light")


@pytest.mark.parametrize("name", PAGES)
def test_page_is_accessible_and_fits_a_phone(name: str, page: Page, live_arena: LiveArena) -> None:
    answer = page.goto(PAGES[name]())
    assert answer and answer.status == (404 if name == "not found" else 200)
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["script-src"] == policy["style-src"] == "'self'"
    html = answer.text()
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:", html)
    assert_accessible(page)
    page.set_viewport_size({"width": 390, "height": 844})
    wait_until(
        lambda: page.evaluate("document.documentElement.scrollWidth") <= 390,
        "the page laid out for a phone",
        limit_s=10,
    )


def test_pages_of_a_voter_are_accessible(page: Page) -> None:
    """What only the starter sees: follow-up and retry; then the names."""
    only_in_play("load?tokens=40&rate=0&think=0.5", "load?tokens=40&rate=0&fault=cut")
    start(page, "Count.")
    expect(page.locator("ballot-form")).to_be_visible()
    page.keyboard.press("f")
    assert_accessible(page)
    page.get_by_role("button", name="I can’t tell: show the names").click()
    expect(page.locator(".reveal__slot")).to_have_count(2)
    assert_accessible(page)


def test_streaming_page_is_accessible(page: Page) -> None:
    battle = battle_of(only_in_play(*["load?tokens=100000&rate=20&think=0.5"] * 3))
    page.goto(battle.get_absolute_url())
    expect(page.locator("#turn-0-C .prose").first).to_contain_text("t5 ")
    assert_accessible(page)
    Response.objects.update(status="stopped")


def test_ctrl_enter_starts_a_battle(page: Page) -> None:
    only_in_play("load?tokens=5&rate=0", "load?tokens=5&rate=0")
    page.goto("/")
    page.get_by_label("Your question").fill("Is $91$ prime?")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(re.compile("/battles/.+/$"))
    expect(page.locator(".turn__prompt .katex")).to_be_visible()
    assert Battle.objects.get().turns.get().prompt == "Is $91$ prime?"


@pytest.mark.parametrize("scripted", [True, False])
def test_error_stands_next_to_its_field_and_keeps_what_was_typed(visit: Visit, scripted: bool) -> None:
    page = visit(java_script_enabled=scripted).new_page()
    page.goto("/")
    page.get_by_label("Your question").fill("Is 91 prime?")
    page.locator("[name=draw][value=chosen]").check()
    page.get_by_role("button", name="Start the battle").click()
    field = page.locator("fieldset", has=page.get_by_text("Who takes part", exact=True))
    expect(field.locator(".field__error")).to_have_text("Choose at least one contestant, or have them drawn at random.")
    expect(page.get_by_label("Your question")).to_have_value("Is 91 prime?")
    expect(page.locator("[name=draw][value=chosen]")).to_be_checked()
    if scripted:
        expect(page).to_have_url(re.compile("/$"))
        page.reload()
        expect(page.get_by_role("button", name="Start the battle")).to_be_enabled()


def test_problems_are_drawn_with_their_formulas(page: Page) -> None:
    page.goto("/problems/")
    expect(page.locator(".problem-card .katex").first).to_be_visible()
    expect(page.locator(".problem-card pre code").first).to_be_visible()
    expect(page.locator("[data-plain]")).to_have_count(0)
