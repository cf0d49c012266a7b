"""The battle page's elements, told a script of events: the page is the server's markup plus the events."""

import json
import re
from types import SimpleNamespace

import pytest
from django.template.loader import render_to_string
from django.test import override_settings
from django.urls import path
from playwright.sync_api import Page, WebSocketRoute, expect

from arena.battles.queries import BlindResponse, BlindTurn
from arena.battles.steps import split_steps
from tests.elements.conftest import Site
from tests.live import wait_until

pytestmark = pytest.mark.browser

urlpatterns = [path("battles/<str:battle_id>/responses/<str:slot>/retry/", split_steps, name="retry_response")]
BATTLE = "/battles/1/"
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'"
TEXTS = {
    "A": (
        "Let $p$ be prime.\n\n- one\n- two $x^2$\n\n$$\n\\frac{a}{b}\n\n= c\n$$\n\nSo $5 and $10.",
        "## Hence\n\n**42**",
    ),
    "B": ("", "First.\n\nThen \\(y\\)."),
}


def battle_page(status: str, *, turns: int = 1, texts: dict[str, tuple[str, str]] = TEXTS, actions: str = "") -> str:
    def response(slot: str, index: int) -> BlindResponse:
        ended = status == "finished" or index < turns - 1
        reasoning, answer = texts[slot] if ended else ("", "")
        steps = tuple(split_steps(reasoning or answer))
        word = "finished" if ended else "waiting"
        return BlindResponse(slot, index, word, reasoning, answer, None, is_truncated=False, steps=steps)

    rows = tuple(BlindTurn(index, "Why?", tuple(response(slot, index) for slot in "AB")) for index in range(turns))
    battle = SimpleNamespace(id="1", slots=("A", "B"), turns=rows)
    context = {"voters_battle": SimpleNamespace(battle=battle, may_steer=True, reveal=None)}
    with override_settings(ROOT_URLCONF=__name__):
        live = render_to_string("battles/_live.html", context)
        sections = "".join(render_to_string("battles/_turn.html", {"turn": turn, **context}) for turn in rows)
    ballot = "<form><input name=best></form>" if status == "finished" else "Vote when all have finished."
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Battle</title>'
        '<script type="module" src="/pages/battle.js"></script>'
        f'<battle-stream data-socket="/ws/battles/1/" data-battle="{BATTLE}" data-status="{status}">{live}{sections}'
        f'<div id="battle-actions" data-swap>{actions}</div><section id="ballot" data-swap>{ballot}</section>'
        "</battle-stream></html>"
    )


class Wire:
    """The server's end of the page's sockets."""

    def __init__(self, page: Page, site: Site) -> None:
        self.page, self.site = page, site
        self.sockets: list[WebSocketRoute] = []
        self.number = 0
        page.route_web_socket(re.compile("/ws/"), lambda socket: self.sockets.append(socket))
        site.headers["Content-Security-Policy"] = POLICY

    def open(self, html: str) -> None:
        self.site.pages[BATTLE] = 200, html
        self.page.goto(f"{self.site.address}{BATTLE}")
        self.wait_for(1)

    def wait_for(self, sockets: int) -> None:
        for _ in range(200):
            if len(self.sockets) >= sockets:
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"{len(self.sockets)} sockets")

    def say(self, *events: object) -> None:
        self.number += 1
        self.sockets[-1].send(json.dumps({"c": f"1-{self.number}", "e": events}))

    def play(self, slot: str, turn: int = 0, *, step: int = 7, end: str = "finished") -> None:
        self.say({"type": "started", "slot": slot, "turn": turn})
        for part, text in zip("ra", TEXTS[slot], strict=True):
            for start in range(0, len(text), step):
                self.say([slot, turn, part, text[start : start + step]])
        self.say({"type": end, "slot": slot, "turn": turn, "code": "deadline", "message": "It took too long."})


@pytest.fixture
def wire(page: Page, site: Site) -> Wire:
    return Wire(page, site)


def texts_of(page: Page) -> list[str]:
    script = "panes => panes.map(pane => [...pane.querySelectorAll('.prose')].map(text => text.innerHTML).join('|'))"
    html: list[str] = page.eval_on_selector_all("response-pane", script)
    return html


def test_streamed_battle_looks_like_the_finished_one_reloaded(page: Page, site: Site, wire: Wire) -> None:
    wire.open(battle_page("running"))
    wire.say({"type": "turn", "index": 0, "prompt": "Why?"})
    wire.play("A")
    site.pages[BATTLE] = 200, battle_page("finished")
    wire.play("B")

    expect(page.locator("#ballot input")).to_be_visible()
    expect(page.locator("#turn-0-A [data-part=state]")).to_have_text("Finished")
    expect(page.locator("#turn-0-A summary")).to_have_text("Reasoning · 18 words")
    expect(page.locator("#turn-0-B summary")).to_have_text("Reasoning · not shared")
    expect(page.locator("#turn-0-A [data-part=answer]")).to_contain_text("42")
    expect(page.locator("#turn-0-B .katex")).to_be_visible()
    streamed = texts_of(page)
    page.reload()
    page.wait_for_selector("[data-plain]", state="detached")
    wait_until(lambda: texts_of(page) == streamed, "the same texts, painted anew", limit_s=10)
    assert "katex" in streamed[0]


def test_lost_connection_is_told_and_resumed_from_the_cursor(page: Page, wire: Wire) -> None:
    wire.open(battle_page("running"))
    wire.say({"type": "started", "slot": "A", "turn": 0}, ["A", 0, "a", "one "])
    expect(page.locator("#turn-0-A .step")).to_have_count(1)
    wire.sockets[-1].close(code=1012)
    wire.wait_for(2)
    assert "cursor=1-1" in wire.sockets[-1].url
    wire.say(["A", 0, "a", "two"])
    expect(page.locator("#turn-0-A .step__text")).to_have_text("one two")
    expect(page.locator("[data-part=connection]")).to_be_hidden()


def test_failed_response_may_be_tried_again_and_starts_empty(page: Page, wire: Wire) -> None:
    wire.open(battle_page("running"))
    retry = page.locator("#turn-0-A [data-part=retry]")
    expect(retry).to_be_hidden()
    wire.play("A", end="failed")
    expect(page.locator("#turn-0-A [data-part=failure]")).to_have_text("It took too long.")
    expect(retry).to_be_visible()
    wire.say({"type": "restarted", "slot": "A", "turn": 0})
    expect(retry).to_be_hidden()
    expect(page.locator("#turn-0-A .step")).to_have_count(0)
    expect(page.locator("#turn-0-A [data-part=state]")).to_have_text("Waiting for its turn")


def test_long_silence_is_explained_until_the_first_word(page: Page, wire: Wire) -> None:
    page.clock.install()
    wire.open(battle_page("running"))
    wire.say({"type": "started", "slot": "A", "turn": 0})
    patience = page.locator("#turn-0-A [data-part=patience]")
    expect(patience).to_be_hidden()
    summary = page.locator("#turn-0-A summary")
    before = summary.bounding_box()
    page.clock.fast_forward("00:30")
    expect(patience).to_have_text("Nothing yet. Some think for minutes before their first word.")
    assert summary.bounding_box() == before
    wire.say(["A", 0, "a", "So."])
    page.clock.run_for(100)
    expect(patience).to_be_hidden()
    assert summary.bounding_box() == before


def freeze(page: Page) -> None:
    """From here on time passes in this page only where a test says so."""
    now: float = page.evaluate("Date.now()")
    page.clock.pause_at(now / 1000 + 5)


def wait_until_known(page: Page, slot: str, **fields: str) -> None:
    """What was said on the wire has arrived, painted or not."""

    def is_known() -> bool:
        response = page.eval_on_selector(f"#turn-0-{slot}", "pane => pane.response")
        return all(response[name] == value for name, value in fields.items())

    wait_until(is_known, f"{slot} with {fields}", limit_s=10)


def waiting(why: str, slot: str = "A") -> dict[str, object]:
    return {"type": "waiting", "slot": slot, "turn": 0, "why": why}


def expect_state(page: Page, slot: str, words: str) -> None:
    expect(page.locator(f"#turn-0-{slot} .response__state")).to_have_text(re.compile(words))


def test_reason_for_silence_stands_in_the_header_while_time_goes_on(page: Page, wire: Wire) -> None:
    page.clock.install()
    wire.open(battle_page("running"))
    freeze(page)
    wire.say(*({"type": "started", "slot": slot, "turn": 0} for slot in "AB"))
    wire.say(waiting("loading"), waiting("queued", "B"))
    wait_until_known(page, "B", why="queued")
    page.clock.run_for(6000)
    expect_state(page, "A", r"^Loading into memory, 0:\d\d$")
    expect_state(page, "B", r"^Waiting in line, 0:\d\d$")
    expect(page.locator("#turn-0-A [data-part=patience]")).to_contain_text("a minute or two to load")
    expect(page.locator(".turn__tab[data-slot=B] [data-part=state]")).to_have_text("In line")
    wire.say(waiting("retrying"), waiting("what later servers may say", "B"))
    wait_until_known(page, "B", why="what later servers may say")
    page.clock.run_for(1000)
    expect_state(page, "A", r"^Server busy; asking again, 0:\d\d$")
    expect_state(page, "B", r"^Thinking, 0:\d\d$")
    wire.say(waiting(""), ["B", 0, "r", "So."])
    wait_until_known(page, "B", reasoning="So.")
    page.clock.run_for(1000)
    expect_state(page, "A", r"^Thinking, 0:\d\d$")
    expect_state(page, "B", r"^Reasoning, 0:\d\d$")
    wire.say({"type": "stopped", "slot": "A", "turn": 0})
    wait_until_known(page, "A", status="stopped")
    page.clock.run_for(1000)
    expect_state(page, "A", "^Stopped$")


def test_reason_for_silence_is_announced_sparsely(page: Page, wire: Wire) -> None:
    page.clock.install()
    wire.open(battle_page("running"))
    freeze(page)
    announced = page.locator("[data-part=milestone]")
    wire.say(*({"type": "started", "slot": slot, "turn": 0} for slot in "AB"))
    expect(announced).to_have_text("All are at work.")
    wire.say(waiting("loading"))
    wire.say(waiting("queued", "B"))
    wait_until_known(page, "B", why="queued")
    page.clock.run_for(7000)
    expect(announced).to_have_text("All are at work.")
    page.clock.run_for(2000)
    expect(announced).to_have_text("A is being loaded, B waits in line.")


def test_silence_in_mid_stream_is_counted_until_something_new_comes(page: Page, wire: Wire) -> None:
    page.clock.install()
    wire.open(battle_page("running"))
    freeze(page)
    wire.say({"type": "started", "slot": "A", "turn": 0}, ["A", 0, "r", "So."])
    wait_until_known(page, "A", reasoning="So.")
    page.clock.run_for(9000)
    expect_state(page, "A", r"^Reasoning, 0:\d\d$")
    page.clock.run_for(5000)
    expect_state(page, "A", r"^Nothing new for 0:1\d$")
    expect_state(page, "B", r"^Waiting for its turn, 0:\d\d$")
    wire.say(["A", 0, "r", " Hence"])
    wait_until_known(page, "A", reasoning="So. Hence")
    page.clock.run_for(1000)
    expect_state(page, "A", r"^Reasoning, 0:\d\d$")


def test_without_a_connection_nobody_is_called_silent(page: Page, wire: Wire) -> None:
    page.clock.install()
    wire.open(battle_page("running"))
    freeze(page)
    wire.say({"type": "started", "slot": "A", "turn": 0}, ["A", 0, "r", "So."])
    wait_until_known(page, "A", reasoning="So.")
    page.route_web_socket(re.compile("/ws/"), lambda socket: socket.close(code=1012))
    wire.sockets[-1].close(code=1012)
    page.clock.run_for(1000)
    expect(page.locator("[data-part=connection]")).to_be_visible()
    page.clock.run_for(14_000)
    expect_state(page, "A", r"^Reasoning, 0:\d\d$")


def test_arena_that_stays_away_is_said_so_and_asked_at_once_on_request(page: Page, wire: Wire) -> None:
    page.clock.install()
    wire.open(battle_page("running"))
    freeze(page)
    wire.say({"type": "started", "slot": "A", "turn": 0})
    wait_until_known(page, "A", status="streaming")
    tries: list[str] = []

    def refuse(socket: WebSocketRoute) -> None:
        tries.append(socket.url)
        socket.close(code=1013)

    page.route_web_socket(re.compile("/ws/"), refuse)
    wire.sockets[-1].close(code=1012)
    banner = page.locator("[data-part=connection]")

    def is_told() -> bool:
        page.clock.run_for(500)
        return "cannot be reached" in (banner.text_content() or "") and banner.get_by_role("button").is_visible()

    wait_until(is_told, "the banner", limit_s=60)
    expect(banner).to_contain_text(re.compile(r"Next try in \d+ s\."))
    before = len(tries)
    banner.get_by_role("button", name="Try now").click()
    wait_until(lambda: page.evaluate("1") and len(tries) > before, "another try", limit_s=10)
    page.route_web_socket(re.compile("/ws/"), lambda socket: wire.sockets.append(socket))

    def is_back() -> bool:
        page.clock.run_for(1000)
        return len(wire.sockets) > 1

    wait_until(is_back, "the next connection", limit_s=60)
    wire.say({"type": "alive"})
    expect(banner).to_be_hidden()


def test_battle_that_may_no_longer_be_seen_says_so(page: Page, wire: Wire) -> None:
    wire.open(battle_page("running"))
    wire.sockets[-1].close(code=4404)
    expect(page.locator("[data-part=connection]")).to_contain_text("can no longer be watched")
    expect(page.locator("[data-part=connection] button")).to_be_hidden()


def test_finished_battle_makes_no_fuss_of_a_connection_that_comes_back(page: Page, wire: Wire) -> None:
    page.clock.install()
    wire.open(battle_page("finished"))
    freeze(page)
    wire.say({"type": "alive"})
    wire.sockets[-1].close(code=1012)
    page.clock.run_for(2500)
    assert len(wire.sockets) == 1
    expect(page.locator("[data-part=connection]")).to_be_hidden()
    page.clock.run_for(4000)
    wire.wait_for(2)
    expect(page.locator("[data-part=connection]")).to_be_hidden()


def test_page_taken_out_of_the_browsers_cache_goes_on_with_its_cursor(page: Page, wire: Wire) -> None:
    wire.open(battle_page("running"))
    wire.say(["A", 0, "a", "one "])
    wait_until_known(page, "A", answer="one ")
    page.evaluate("window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    wire.wait_for(2)
    assert "cursor=1-1" in wire.sockets[-1].url
    wire.say(["A", 0, "a", "two"])
    expect(page.locator("#turn-0-A .step__text")).to_have_text("one two")


def test_relabelled_answer_moves_into_the_reasoning(page: Page, wire: Wire) -> None:
    wire.open(battle_page("running"))
    wire.say(["A", 0, "a", "Hmm.\n\nSo."], {"type": "relabel", "slot": "A", "turn": 0}, ["A", 0, "a", "42"])
    expect(page.locator("#turn-0-A [data-part=steps] .step")).to_have_count(2)
    expect(page.locator("#turn-0-A [data-part=answer]")).to_have_text("42")


def test_follow_up_gets_panes_with_addresses_of_their_own(page: Page, wire: Wire) -> None:
    wire.open(battle_page("finished"))
    wire.say({"type": "turn", "index": 1, "prompt": "And in base $b$?"}, {"type": "turn", "index": 1, "prompt": "?"})
    expect(page.locator(".turn")).to_have_count(2)
    expect(page.locator("#turn-1-title")).to_have_text("Follow-up 1")
    wire.play("A", turn=1)
    expect(page.locator("#turn-1-A-step-2 li")).to_have_count(2)
    expect(page.locator("#turn-1-A [data-part=retry]")).to_have_attribute("action", f"{BATTLE}responses/A/retry/")
    ids = page.eval_on_selector_all("[id]", "elements => elements.map(element => element.id)")
    assert len(ids) == len(set(ids))


def test_collapsed_reasoning_is_not_painted_until_it_is_opened(page: Page, wire: Wire) -> None:
    wire.open(battle_page("running"))
    page.locator("#turn-0-A summary").click()
    wire.play("A")
    expect(page.locator("#turn-0-A [data-part=state]")).to_have_text("Finished")
    assert page.locator("#turn-0-A [data-part=steps] .step").count() == 0
    page.locator("#turn-0-A summary").click()
    expect(page.locator("#turn-0-A [data-part=steps] .step")).to_have_count(4)


def test_pane_follows_its_end_only_while_its_reader_does(page: Page, wire: Wire) -> None:
    wire.open(battle_page("running"))
    body = page.locator("#turn-0-A [data-part=body]")
    body.evaluate("body => { body.style.blockSize = '200px'; body.style.overflow = 'auto'; }")
    gap = "body => body.scrollHeight - body.scrollTop - body.clientHeight"
    wire.say(*[["A", 0, "r", f"Step {number}.\n\n"] for number in range(40)])
    expect(page.locator("#turn-0-A .step")).to_have_count(40)
    assert body.evaluate(gap) < 5
    body.hover()
    page.mouse.wheel(0, -300)
    expect(page.locator("#turn-0-A [data-part=follow]")).to_be_visible()
    wire.say(*[["A", 0, "r", f"Step {number}.\n\n"] for number in range(40)])
    expect(page.locator("#turn-0-A .step")).to_have_count(80)
    assert body.evaluate(gap) > 300
    page.locator("#turn-0-A [data-part=follow]").click()
    assert body.evaluate(gap) < 5


def test_forms_are_sent_without_leaving_the_page_and_refusals_are_told(page: Page, site: Site, wire: Wire) -> None:
    ask = f'<form method="post" action="{BATTLE}turns/"><textarea name="prompt"></textarea><button>Ask</button></form>'
    wire.open(battle_page("finished", actions=ask))
    site.pages[f"{BATTLE}turns/"] = 422, '<main><p role="alert">Write a question first.</p></main>'
    page.locator("#battle-actions button").click()
    expect(page.locator("#battle-actions [role=alert]")).to_have_text("Write a question first.")
    site.pages[f"{BATTLE}turns/"] = 200, battle_page("running", turns=2, actions="Stop")
    page.locator("textarea").fill("And now?")
    page.locator("#battle-actions button").click()
    expect(page.locator(".turn")).to_have_count(2)
    expect(page.locator("#battle-actions")).to_have_text("Stop")
    assert "And now?" in site.posted[-1][1]
    assert page.url == f"{site.address}{BATTLE}"


def test_half_filled_ballot_outlives_the_news_of_another_ballot(page: Page, site: Site, wire: Wire) -> None:
    wire.open(battle_page("finished"))
    page.locator("#ballot input").fill("B")
    site.pages[BATTLE] = 200, battle_page("finished", actions="One ballot so far")
    wire.say({"type": "ballots", "count": 1})
    expect(page.locator("#battle-actions")).to_have_text("One ballot so far")
    expect(page.locator("#ballot input")).to_have_value("B")


def test_lost_log_is_fetched_anew(page: Page, wire: Wire) -> None:
    wire.open(battle_page("running"))
    wire.say(["A", 0, "a", "old"])
    wire.say({"type": "resync"})
    wire.wait_for(2)
    assert "cursor" not in wire.sockets[-1].url
    wire.say({"type": "snapshot", "slot": "A", "turn": 0, "reasoning": "", "answer": "new", "status": "streaming"})
    expect(page.locator("#turn-0-A .step__text")).to_have_text("new")
