"""Two addresses in the environment are all it takes: models of strangers' servers meet, are judged and are ranked."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contestants.foreign import Hosted, Local, StrangersOllama, StrangersOpenAI
from tests.running.arena_runs import ArenaRun
from tests.survival.viewer import Viewer

pytestmark = pytest.mark.processes

LIMIT_S = 60.0
SILENCE_S = 3.0  # of o1; long for every other contestant here
PROMPT = "Is \N{SQUARE ROOT}2 rational? \N{THINKING FACE}"
SYSTEM = "Be brief."

QWQ_REASONING = (
    "Okay, so is \N{SQUARE ROOT}2 a fraction p\N{FRACTION SLASH}q?\n\nWait: if a < b and </thin were a tag … it isn't."
    " \N{THINKING FACE}\N{LINE SEPARATOR}So p² = 2q², and `</b>` stays text."
)
QWQ_ANSWER = "**No.** $\\sqrt{2} \\ne \\frac{p}{q}$; and a later <think> is only a word. \N{PARTY POPPER}"
GEMMA_ANSWER = (
    "Assume p/q in lowest terms.\n\nThen p is even,\tso q is even \N{EM DASH} a contradiction. <b>Not</b> rational."
)
O1_ANSWER = (
    "It is irrational.\n\n1. Suppose $\\sqrt{2} = p/q$.\n2. Then $p^2 = 2q^2$. \N{BLACK SQUARE}" + " Quod erat." * 200
)

EXPECTED = {
    "qwq-32b": (QWQ_REASONING, QWQ_ANSWER),
    "gemma-2-27b": ("", GEMMA_ANSWER),
    "o1": ("", O1_ANSWER),
}
NAMES = re.compile(r"qwq|gemma|\bo1\b|ollama|openai|2024-12-17|127\.0\.0\.1:\d+", re.IGNORECASE)


class WireTap(Viewer):
    """Keeps what it was sent."""

    def __init__(self, base_url: str, battle_id: str, *, slots: int) -> None:
        super().__init__(base_url, battle_id, slots=slots)
        self.sent: list[object] = []

    def _apply(self, message: dict[str, object]) -> None:
        self.sent.append(message)
        super()._apply(message)


def cut(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


@pytest.fixture
def ollama() -> Iterator[StrangersOllama]:
    server = StrangersOllama(
        {
            "qwq:32b": Local(cut(f"\n{QWQ_REASONING}\n</think>\n\n{QWQ_ANSWER}\n", 5)),
            "gemma2:27b": Local(cut(GEMMA_ANSWER, 11), size="27.2B", ends_with_connection=True),
            "nomic-embed-text:latest": Local(capabilities=("embedding",), size="137M"),
        }
    )
    with server.serving():
        yield server


@pytest.fixture
def openai() -> Iterator[StrangersOpenAI]:
    server = StrangersOpenAI({"o1": Hosted(O1_ANSWER, SILENCE_S, reasoning_tokens=1024)})
    with server.serving():
        yield server


@pytest.fixture
def arena(var: Path, ollama: StrangersOllama, openai: StrangersOpenAI) -> Iterator[ArenaRun]:
    with ArenaRun(var, OLLAMA_HOST=ollama.url, OPENAI_BASE_URL=openai.base_url) as run:
        run.until_ready()
        yield run


@pytest.fixture
def visitor(arena: ArenaRun) -> Iterator[httpx.Client]:
    """A browser's part: it has no token, and keeps its cookies."""
    with httpx.Client(base_url=f"http://127.0.0.1:{arena.port}", trust_env=False, timeout=LIMIT_S) as client:
        yield client


def api(visitor: httpx.Client, method: str, path: str, body: object = None) -> Any:
    answer = visitor.request(method, f"/api/v1{path}", json=body)
    assert answer.is_success, answer.text
    return answer.json()


def watch(arena: ArenaRun, battle_id: str) -> WireTap:
    viewer = WireTap(f"http://127.0.0.1:{arena.port}", battle_id, slots=3)

    async def to_the_end() -> None:
        async with asyncio.timeout(LIMIT_S):
            await viewer.watch()

    asyncio.run(to_the_end())
    return viewer


def names_in(text: str, arena: ArenaRun) -> list[str]:
    return NAMES.findall(text.replace(f"127.0.0.1:{arena.port}", ""))


def test_models_of_foreign_servers_take_part(
    arena: ArenaRun, visitor: httpx.Client, ollama: StrangersOllama, openai: StrangersOpenAI
) -> None:
    entered = {row["slug"]: row for row in api(visitor, "GET", "/contestants")}
    assert {slug for slug, row in entered.items() if row["in_play"]} == set(EXPECTED)
    assert "nomic-embed-text" not in entered
    assert "Only simulated contestants" not in visitor.get("/").text
    drawn = api(visitor, "POST", "/battles", {"prompt": PROMPT, "size": 3, "system": SYSTEM})

    viewer = watch(arena, drawn["id"])
    battle = api(visitor, "GET", f"/battles/{drawn['id']}")
    (turn,) = battle["turns"]
    texts = {made["slot"]: (made["reasoning"], made["answer"]) for made in turn["responses"]}
    assert [made["status"] for made in turn["responses"]] == ["finished"] * 3
    assert [(made["failure"], made["truncated"]) for made in turn["responses"]] == [(None, False)] * 3
    assert sorted(texts.values()) == sorted(EXPECTED.values())
    assert viewer.texts == {(0, slot): text for slot, text in texts.items()}
    assert set(viewer.statuses.values()) == {"finished"}

    page = visitor.get(battle["url"])
    before = [repr(viewer.sent), repr(battle), page.text, repr(page.headers)]
    assert [names_in(text, arena) for text in before] == [[]] * 4

    judged = api(
        visitor, "PUT", f"/battles/{drawn['id']}/ballot", {"verdicts": dict.fromkeys("ABC", "correct"), "best": "A"}
    )
    assert judged["status"] == "revealed"
    assert {row["slug"]: texts[slot] for slot, row in judged["reveal"].items()} == EXPECTED
    measured = {row["slug"]: row for row in judged["reveal"].values()}
    assert measured["o1"]["reasoning_tokens"] == 1024
    assert measured["o1"]["first_token_ms"] >= SILENCE_S * 1000
    assert measured["qwq-32b"]["input_tokens"] == measured["gemma-2-27b"]["input_tokens"] == 21
    assert "Gemma 2 27B" in visitor.get(battle["url"]).text

    arena.until(lambda: api(visitor, "GET", "/leaderboard")["ballots"] == 1)
    assert {row["slug"] for row in api(visitor, "GET", "/leaderboard")["rows"] if row["battles"]} == set(EXPECTED)
    assert "QwQ 32B" in visitor.get("/leaderboard/").text

    chats = [asked.body for asked in ollama.asked if asked.path == "/api/chat"]
    both = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": PROMPT}]
    assert [chat["messages"] for chat in chats] == [both, both]
    *refused, taken = [asked for asked in openai.asked if asked.path == "/v1/chat/completions"]
    assert len(refused) == len(openai.refused) == 3
    assert taken.body["messages"] == [{"role": "user", "content": f"{SYSTEM}\n\n{PROMPT}"}]
    assert not any("authorization" in asked.headers for asked in [*openai.asked, *ollama.asked])
