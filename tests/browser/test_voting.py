"""From a finished battle to the names and the leaderboard: with keys, with a finger, with scripts off."""

import re

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from arena.battles.models import Battle
from arena.contestants.models import Contestant
from arena.leaderboard.services import refresh_leaderboard
from arena.voting.models import Ballot
from tests.browser.arena_pages import battle_of, only_in_play, pane, start, wait_for_ballot
from tests.browser.conftest import Visit
from tests.factories import make_contestant, make_finished_battle
from tests.live import wait_until

AWAY = "<!doctype html><h1>Bad gateway</h1>"
QUICK = "load?tokens=40&rate=0&think=0.5"


@pytest.fixture
def two() -> list[Contestant]:
    return only_in_play(QUICK, QUICK)


@pytest.fixture
def finished(two: list[Contestant]) -> Battle:
    return make_finished_battle(contestants=two)


def swipe_left(page: Page, over: Locator) -> None:
    """A finger that moves 300 px over an element."""
    devtools = page.context.new_cdp_session(page)
    box = over.bounding_box()
    assert box

    def finger(kind: str, *points: dict[str, float]) -> None:
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    y = box["y"] + 100
    finger("touchStart", {"x": 340, "y": y})
    for x in range(320, 20, -20):
        finger("touchMove", {"x": x, "y": y})
    finger("touchEnd")


def verdicts(ballot: Ballot) -> dict[str, str]:
    return {verdict.seat.slot: verdict.judgement for verdict in ballot.verdicts.select_related("seat")}


def test_ballot_from_the_keyboard_shows_the_names_and_counts(page: Page, two: list[Contestant]) -> None:
    battle = start(page, "Count.")
    wait_for_ballot(page)
    expect(page.get_by_text("(simulated)")).to_have_count(0)
    expect(page.locator("[data-keys-hint]")).to_be_visible()
    for key in ("c", "f", "b", "1", "Enter"):
        page.keyboard.press(key)

    names = {seat.slot: seat.contestant.display_name for seat in battle.seats.select_related("contestant")}
    expect(page.get_by_role("heading", name="Who they were")).to_be_visible()
    for slot, name in names.items():
        assert name.endswith("(simulated)")
        expect(page.locator(f".reveal__slot[data-slot={slot}] .reveal__name")).to_have_text(name)
        expect(pane(page, slot).locator(".response__name")).to_have_text(name)
    ballot = Ballot.objects.get()
    assert (verdicts(ballot), ballot.best) == ({"A": "correct", "B": "flawed"}, "A")

    refresh_leaderboard()
    page.get_by_role("link", name="See the leaderboard").click()
    expect(page.get_by_text("1 ballot on 1 battle.")).to_be_visible()
    rows = page.locator("tbody").first.locator("tr")
    expect(rows.first).to_contain_text(names["A"])
    expect(rows.nth(1)).to_contain_text(names["B"])


def test_worker_brings_a_ballot_to_the_leaderboard_by_itself(page: Page, finished: Battle) -> None:
    page.goto(finished.get_absolute_url())
    page.keyboard.press("c")
    page.keyboard.press("f")
    page.get_by_role("button", name="Cast and see the names").click()
    expect(page.get_by_role("heading", name="Who they were")).to_be_visible()
    page.goto("/leaderboard/")
    counted = page.get_by_text("1 ballot on 1 battle.")

    def is_counted() -> bool:
        page.reload()
        return counted.is_visible()

    wait_until(is_counted, "the ballot on the leaderboard")


def test_ballot_that_comes_too_soon_stays_filled_in_and_says_when(context: BrowserContext, finished: Battle) -> None:
    page = context.new_page()
    sentence = "Too many ballots come from your network just now. Please try again in 7 seconds."
    answers = [lambda route: route.fulfill(status=429, body=f'<main><p role="alert">{sentence}</p></main>')]
    page.route("**/ballot/", lambda route: answers.pop(0)(route) if answers else route.continue_())
    page.goto(finished.get_absolute_url())
    for key in ("c", "f", "b", "2"):
        page.keyboard.press(key)
    cast = page.get_by_role("button", name="Cast and see the names")
    cast.click()
    expect(page.locator(".ballot [role=alert]")).to_have_text(sentence)
    assert not Ballot.objects.exists()
    cast.click()
    expect(page.get_by_role("heading", name="Your record so far")).to_be_visible()
    ballot = Ballot.objects.get()
    assert (verdicts(ballot), ballot.best) == ({"A": "correct", "B": "flawed"}, "B")


def test_ballot_that_cannot_be_saved_now_stays_filled_in_until_it_can(
    context: BrowserContext, finished: Battle
) -> None:
    page = context.new_page()
    answers = [lambda route: route.fulfill(status=503, body=AWAY), lambda route: route.abort("internetdisconnected")]
    page.route("**/ballot/", lambda route: answers.pop(0)(route) if answers else route.continue_())
    page.goto(finished.get_absolute_url())
    for key in ("c", "f", "b", "2"):
        page.keyboard.press(key)
    page.get_by_text("Add a comment").click()
    page.get_by_label("Comment", exact=True).fill("Four is four.")
    cast = page.get_by_role("button", name="Cast and see the names")

    cast.click()
    expect(page.locator(".ballot [role=alert]")).to_contain_text("could not save your ballot just now")
    cast.click()
    expect(page.locator(".ballot [role=alert]")).to_contain_text("could not be reached")
    assert not Ballot.objects.exists()
    cast.click()
    expect(page.get_by_role("heading", name="Who they were")).to_be_visible()
    ballot = Ballot.objects.get()
    assert (verdicts(ballot), ballot.best, ballot.comment) == ({"A": "correct", "B": "flawed"}, "B", "Four is four.")


def test_second_ballot_is_impossible(page: Page, finished: Battle) -> None:
    address = finished.get_absolute_url()
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto(address)
    fields = {
        "csrfmiddlewaretoken": other.locator("ballot-form [name=csrfmiddlewaretoken]").input_value(),
        "verdict-A": "flawed",
        "verdict-B": "flawed",
        "best": "B",
    }
    page.get_by_role("button", name="I can’t tell: show the names").click()
    expect(page.get_by_role("heading", name="Who they were")).to_be_visible()
    expect(other.get_by_role("heading", name="Who they were")).to_be_visible()
    for tab in (page, other):
        expect(tab.locator("ballot-form")).to_have_count(0)

    again = page.request.post(f"{address}ballot/", form=fields, headers={"Referer": page.url})
    assert again.status == 409
    assert "You have already voted on this battle" in again.text()
    assert verdicts(Ballot.objects.get()) == {"A": "unsure", "B": "unsure"}


def test_flaw_is_told_by_its_step(page: Page, finished: Battle) -> None:
    page.goto(finished.get_absolute_url())
    row = page.locator(".ballot__row[data-slot=B]")
    expect(row.get_by_label("First flawed step")).to_be_hidden()
    page.locator("[name=verdict-A][value=correct]").check()
    page.locator("[name=verdict-B][value=flawed]").check()
    row.get_by_text("What is wrong with it").click()
    row.get_by_label("First flawed step").fill("2")
    page.get_by_role("button", name="Cast and see the names").click()
    expect(page.locator(".reveal__slot[data-slot=B]")).to_contain_text("flawed at step 2")


def test_finished_battle_is_read_and_judged_with_scripts_off(visit: Visit) -> None:
    battle = make_finished_battle(contestants=[make_contestant(simulated=True, name=name) for name in ("Ada", "Bob")])
    page = visit(java_script_enabled=False).new_page()
    page.goto(battle.get_absolute_url())
    expect(pane(page, "A").locator(".step__text")).to_have_text(["Two and two.", "That makes four."])
    expect(pane(page, "B").locator(".response__answer")).to_have_text("4")
    expect(page.get_by_role("button", name="Copy", exact=True)).to_have_count(0)
    expect(page.get_by_text("Ada")).to_have_count(0)
    page.locator("[name=verdict-A][value=correct]").check()
    page.locator("[name=verdict-B][value=unsure]").check()
    page.locator("[name=best][value=A]").check()
    page.get_by_role("button", name="Cast and see the names").click()
    expect(page).to_have_url(re.compile(r"#ballot$"))
    expect(page.locator(".reveal__name")).to_have_text(["Ada (simulated)", "Bob (simulated)"])
    assert verdicts(Ballot.objects.get()) == {"A": "correct", "B": "unsure"}


def test_incomplete_ballot_is_asked_for_the_rest_with_scripts_off(visit: Visit, finished: Battle) -> None:
    page = visit(java_script_enabled=False).new_page()
    page.goto(finished.get_absolute_url())
    page.locator("ballot-form form").evaluate("form => (form.noValidate = true)")
    page.locator("[name=verdict-A][value=correct]").check()
    page.get_by_role("button", name="Cast and see the names").click()
    expect(page.get_by_text("Say what you think of B.")).to_be_visible()
    expect(page.locator("[name=verdict-A][value=correct]")).to_be_checked()
    assert not Ballot.objects.exists()


def test_phone_shows_one_pane_at_a_time_with_tabs(visit: Visit) -> None:
    battle = battle_of(only_in_play(QUICK, QUICK, "load?tokens=400&rate=0&think=0.5"))
    context = visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2)
    page = context.new_page()
    page.goto(battle.get_absolute_url())
    wait_for_ballot(page)
    tab = {slot: page.locator(f".turn__tab[data-slot={slot}]") for slot in "ABC"}
    expect(tab["A"]).to_have_attribute("aria-current", "true")
    expect(pane(page, "B")).not_to_be_in_viewport(ratio=0.5)
    tab["B"].tap()
    expect(pane(page, "B")).to_be_in_viewport(ratio=0.5)
    expect(tab["B"]).to_have_attribute("aria-current", "true")

    swipe_left(page, pane(page, "B"))
    expect(pane(page, "C")).to_be_in_viewport(ratio=0.5)
    expect(tab["C"]).to_have_attribute("aria-current", "true")
    expect(tab["B"]).not_to_have_attribute("aria-current", "true")

    for slot in "ABC":
        page.locator(f"label:has([name=verdict-{slot}][value=correct])").tap()
    page.get_by_role("button", name="Cast and see the names").tap()
    expect(page.locator(".reveal__slot")).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
