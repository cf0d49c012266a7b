"""A battle as it is watched: it streams, and nothing of it is lost however one comes and goes."""

import re
from datetime import timedelta

from playwright.sync_api import BrowserContext, Page, expect

from arena.battles import doors
from arena.battles.models import Battle, Response
from arena.contestants.models import Contestant
from tests.browser.arena_pages import (
    LOAD_MS,
    assert_shows_what_is_saved,
    battle_of,
    only_in_play,
    pane,
    saved_texts,
    shown_texts,
    start,
    state,
    wait_for_ballot,
    written,
)
from tests.browser.conftest import Visit

LONG = ("load?tokens=300&rate=90&think=0.5", "load?tokens=200&rate=60&think=0.5")
ENDLESS = "load?tokens=100000&rate=30&think=0.5"
QUICK = "load?tokens=40&rate=0&think=0.5"


def wait_for_text(page: Page, slot: str = "A", turn: int = 0) -> None:
    """Until the response is in mid-stream."""
    expect(written(page, slot, turn).first).to_contain_text("t12 ", timeout=LOAD_MS)


def test_three_reason_side_by_side_and_their_formulas_are_drawn(page: Page) -> None:
    for slug, rate in {"sim-chatty": 500, "sim-terse": 80, "sim-formal": 200}.items():
        Contestant.objects.filter(slug=slug).update(model=f"{slug}?rate={rate}&delay=0.2")
    Contestant.objects.filter(slug="sim-hasty").update(is_available=False)
    page.goto("/")
    page.get_by_text("Primes made of ones", exact=True).click()
    expect(page.get_by_label("Your question")).to_have_value(re.compile("^If all digits of a prime number are 1"))
    page.locator("[name=size][value='3']").check()
    page.get_by_role("button", name="Start the battle").click()

    expect(page.locator("response-pane")).to_have_count(3)
    expect(page.locator(".battle-head__title")).to_have_text("Primes made of ones")
    expect(page.locator("#ballot")).to_contain_text("Your verdict comes next")
    working = page.locator('response-pane[data-status="streaming"]').first
    expect(working.locator(".response__state")).to_have_text(re.compile(r"^(Thinking|Reasoning|Answering), 0:\d\d$"))
    expect(working.locator(".prose").first).not_to_be_empty()
    before = working.inner_text()
    expect(page.locator(".katex").first).to_be_visible()
    wait_for_ballot(page)

    texts = saved_texts(Battle.objects.get())
    assert shown_texts(page) == texts
    longest = max(texts.values(), key=lambda text: len("".join(text)))
    assert len("".join(longest)) > len(before)
    expect(page.locator(".katex").nth(40)).to_be_attached()
    assert page.locator(".katex-error").count() == 0
    for slot in "ABC":
        expect(state(page, slot)).to_have_text("Finished")


def test_reload_in_mid_stream_loses_nothing(page: Page) -> None:
    battle = battle_of(only_in_play(ENDLESS, ENDLESS))
    page.goto(battle.get_absolute_url())
    wait_for_text(page)
    page.reload()
    wait_for_text(page)
    doors.halt(battle, battle.started_by)
    wait_for_ballot(page)
    assert_shows_what_is_saved(page, battle)


def test_second_tab_opened_late_shows_the_same(page: Page, context: BrowserContext) -> None:
    battle = battle_of(only_in_play(*LONG))
    page.goto(battle.get_absolute_url())
    wait_for_text(page, "B")
    late = context.new_page()
    late.goto(battle.get_absolute_url())
    for tab in (page, late):
        wait_for_ballot(tab)
        assert_shows_what_is_saved(tab, battle)


def test_lost_connection_is_told_and_nothing_is_lost(page: Page, context: BrowserContext) -> None:
    battle = battle_of(only_in_play(*LONG))
    banner = page.get_by_text("You are offline")
    page.goto(battle.get_absolute_url())
    wait_for_text(page)
    expect(banner).to_be_hidden()
    context.set_offline(True)
    expect(banner).to_be_visible()
    context.set_offline(False)
    expect(banner).to_be_hidden()
    wait_for_ballot(page)
    assert_shows_what_is_saved(page, battle)


def test_stopped_slot_is_tried_again_alone_and_then_all_are_asked_further(page: Page) -> None:
    only_in_play(ENDLESS, ENDLESS)
    battle = start(page, "Count.")
    for slot in "AB":
        wait_for_text(page, slot)
    page.get_by_role("button", name="Stop all").click()
    for slot in "AB":
        expect(state(page, slot)).to_have_text("Stopped")
        expect(pane(page, slot)).to_contain_text("Stopped before it had finished.")
    expect(page.get_by_text("length limit")).to_have_count(0)
    wait_for_ballot(page)
    expect(page.locator("#ballot .banner")).to_have_text(
        "A and B were stopped, so ballots on this battle are kept but not ranked."
    )
    assert_shows_what_is_saved(page, battle)
    of_b = saved_texts(battle)[0, "B"]

    Contestant.objects.update(model=QUICK)
    page.get_by_role("button", name="Try A again").click()
    expect(state(page, "A")).to_have_text("Finished")
    expect(page.locator("#ballot .banner")).to_have_text(re.compile("^B was stopped, so"))
    expect(pane(page, "A")).not_to_contain_text("Stopped")
    assert_shows_what_is_saved(page, battle)
    assert saved_texts(battle)[0, "B"] == of_b

    page.get_by_label("Ask all of them further").fill("And in base two?")
    page.get_by_role("button", name="Ask on").click()
    expect(page.locator("#turn-1")).to_contain_text("And in base two?")
    for slot in "AB":
        expect(state(page, slot, turn=1)).to_have_text("Finished")
    wait_for_ballot(page)
    assert_shows_what_is_saved(page, battle)
    assert {turn for turn, _ in saved_texts(battle)} == {0, 1}


def test_clock_counts_from_the_start_of_the_turn_in_every_tab(page: Page, visit: Visit) -> None:
    battle = battle_of(only_in_play(ENDLESS, ENDLESS))
    turn = battle.turns.get()
    battle.turns.update(created_at=turn.created_at - timedelta(minutes=10))
    for tab in (page, visit().new_page()):
        tab.goto(battle.get_absolute_url())
        for slot in "AB":
            expect(state(tab, slot)).to_have_text(re.compile(r", 10:\d\d$"))
    doors.halt(battle, battle.started_by)


def test_failed_response_says_why(page: Page) -> None:
    battle = battle_of(only_in_play(QUICK, "load?tokens=30&rate=0&fault=cut"))
    failed = Response.objects.get(turn__battle=battle, seat__contestant__model__contains="cut").seat.slot
    page.goto(battle.get_absolute_url())
    expect(state(page, failed)).to_have_text("Failed")
    expect(pane(page, failed).locator("[data-part=failure]")).not_to_be_empty()
    wait_for_ballot(page)
    expect(page.locator("#ballot .banner")).to_have_text(re.compile(f"^{failed} failed, so"))
    expect(page.get_by_text("length limit")).to_have_count(0)


def test_long_panes_can_be_shown_in_full_height_with_the_keyboard(page: Page) -> None:
    battle = battle_of(only_in_play("load?tokens=3000&rate=0", QUICK))
    page.goto(battle.get_absolute_url())
    wait_for_ballot(page)
    body = page.locator("response-pane .response__body").first
    hidden = (
        "body => [...document.querySelectorAll('.response__body')].some(one => one.scrollHeight > one.clientHeight + 1)"
    )
    assert body.evaluate(hidden)
    page.get_by_label("Show in full height").press("Space")
    assert not body.evaluate(hidden)
