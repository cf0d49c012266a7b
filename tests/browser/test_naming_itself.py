"""A response that named itself, on the page: masked and said so before the ballot, plain after it."""

import os
from pathlib import Path

from playwright.sync_api import Page, expect

from arena.battles.models import Response
from arena.contestants.identity.screen import MASK
from tests.browser.arena_pages import pane, wait_for_ballot
from tests.browser.conftest import Visit
from tests.factories import make_finished_battle

TEXT = "Let me see. I am Claude 3.5 Sonnet, and I count carefully.\n\nTwo and two makes four."


def name_itself(battle: object, slot: str) -> None:
    name = "Claude 3.5 Sonnet"
    start_at = TEXT.index(name)
    Response.objects.filter(turn__battle=battle, seat__slot=slot).update(
        reasoning=TEXT,
        named_itself=[["r", start_at, start_at + len(name)]],
        steps=[[0, TEXT.index("\n")], [TEXT.index("Two"), len(TEXT)]],
    )


def shoot(page: Page, name: str) -> None:
    if where := os.environ.get("SHOTS"):
        page.screenshot(path=str(Path(where) / f"{name}.png"), full_page=True)


def test_the_name_is_hidden_until_the_ballot_is_cast(page: Page) -> None:
    battle = make_finished_battle()
    name_itself(battle, "B")
    page.goto(battle.get_absolute_url())
    expect(pane(page, "B")).to_contain_text("B named itself: the name is masked with ▮.")
    expect(pane(page, "B")).to_contain_text(f"I am {MASK}, and I count carefully.")
    expect(pane(page, "A").locator('[data-part="named-itself"]')).to_be_hidden()
    expect(page.locator("#ballot")).to_contain_text(
        "B named itself, so ballots on this battle are kept but not ranked."
    )
    assert "Claude" not in page.content()
    shoot(page, "named-wide")
    page.get_by_role("button", name="I can’t tell: show the names").click()
    expect(pane(page, "B")).to_contain_text("I am Claude 3.5 Sonnet, and I count carefully.")
    expect(pane(page, "B")).to_contain_text("its name was masked with ▮ until the reveal")
    shoot(page, "named-revealed")


def test_on_a_phone_at_night_it_is_told_as_well(visit: Visit) -> None:
    battle = make_finished_battle()
    name_itself(battle, "A")
    page = visit(viewport={"width": 360, "height": 780}, color_scheme="dark").new_page()
    page.goto(battle.get_absolute_url())
    expect(pane(page, "A")).to_contain_text("A named itself")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shoot(page, "named-phone-dark")


def test_who_asks_for_the_identity_reads_at_once_that_nothing_is_ranked(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Your question").fill("Who are you, and what is 2 + 2?")
    page.get_by_role("button", name="Start the battle").click()
    expect(page.get_by_role("note")).to_contain_text("This question asks the contestants who they are.")
    shoot(page, "asked-wide")
    wait_for_ballot(page)
    expect(page.locator("#ballot")).to_contain_text("The question asks the contestants who they are, so ballots")
    shoot(page, "asked-ballot")
