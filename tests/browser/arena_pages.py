"""What visitors do and see on the arena's pages, in the words of the tests."""

import re
from collections.abc import Iterable

from playwright.sync_api import Locator, Page, expect

from arena.battles import doors
from arena.battles.models import Battle, Response
from arena.contestants.models import Contestant
from tests.factories import make_contestant, make_voter

LOAD_MS = 30_000  # a battle may take so long on a busy machine


def only_in_play(*models: str, **fields: object) -> list[Contestant]:
    """Simulated contestants that write numbered tokens as `load?…` says; no others can be drawn."""
    Contestant.objects.update(is_available=False)
    return [make_contestant(simulated=True, model=model, **fields) for model in models]


def battle_of(contestants: Iterable[Contestant]) -> Battle:
    """Started by somebody else: those who watch it have its link."""
    slugs = [contestant.slug for contestant in contestants]
    return doors.open_battle(make_voter(), prompt="Go on.", size=len(slugs), contestants=slugs)


def start(page: Page, prompt: str, *, size: int = 2) -> Battle:
    """A battle started on the page for new ones."""
    page.goto("/")
    page.get_by_label("Your question").fill(prompt)
    page.locator(f"[name=size][value='{size}']").check()
    page.get_by_role("button", name="Start the battle").click()
    page.wait_for_url(re.compile(r"/battles/[0-9a-f-]{36}/$"))
    return Battle.objects.latest("created_at")


def pane(page: Page, slot: str, turn: int = 0) -> Locator:
    return page.locator(f"#turn-{turn}-{slot}")


def state(page: Page, slot: str, turn: int = 0) -> Locator:
    return pane(page, slot, turn).locator(".response__state")


def written(page: Page, slot: str, turn: int = 0) -> Locator:
    """Reasoning and answer as they stand there, step numbers left out."""
    return pane(page, slot, turn).locator(".prose:not(:empty)")


def wait_for_ballot(page: Page) -> None:
    expect(page.locator("ballot-form")).to_be_visible(timeout=LOAD_MS)


def shown_texts(page: Page) -> dict[tuple[int, str], tuple[str, str]]:
    """What the page believes each response to be, by turn and slot."""
    found = page.eval_on_selector_all("response-pane", "panes => panes.map(pane => pane.response)")
    return {(one["turn"], one["slot"]): (one["reasoning"], one["answer"]) for one in found}


def saved_texts(battle: Battle) -> dict[tuple[int, str], tuple[str, str]]:
    responses = Response.objects.filter(turn__battle=battle).select_related("turn", "seat")
    return {(made.turn.index, made.seat.slot): (made.reasoning, made.answer) for made in responses}


def assert_shows_what_is_saved(page: Page, battle: Battle) -> None:
    """In what the page knows, and, for contestants that write tokens, in what stands there to be read."""
    texts = saved_texts(battle)
    assert shown_texts(page) == texts
    for (turn, slot), (reasoning, answer) in texts.items():
        pieces = [text.strip() for text in (reasoning, answer) if text]
        expect(written(page, slot, turn)).to_have_text(pieces)
