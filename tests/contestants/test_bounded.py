"""Whatever a server sends: the work grows with its size and no faster, and so does what is kept of it."""

import json
import time
import tracemalloc
from collections.abc import Callable, Iterable

import pytest

from arena.contestants.errors import TooLarge
from arena.contestants.providers import lines, reasoning_tags, sse
from arena.contestants.providers.parsing import Parser
from tests.contestants.recordings import told
from tests.contestants.streams import ALL_PARSERS

Hostile = Callable[[int], Iterable[bytes]]

SMALL, FACTOR = 5_000, 4
# Quadratic work would take FACTOR times as much again.
MOST = 2.5 * FACTOR
ATTEMPTS = 5


def chat(delta: dict[str, object], key: str = "delta") -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, key: delta}]}).encode() + b"\n\n"


def line(content: str, thinking: str = "") -> bytes:
    return json.dumps({"message": {"content": content, "thinking": thinking}, "done": False}).encode() + b"\n"


def summary(text: str, index: int) -> bytes:
    event = {"type": "response.reasoning_summary_text.delta", "summary_index": index, "delta": text}
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def block(kind: str, text: str) -> bytes:
    event = {"type": "content_block_start", "content_block": {"type": kind, kind: text}}
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def each_char(text: str, n: int) -> Iterable[bytes]:
    return (chat({"content": text[i % len(text)]}) for i in range(n))


HOSTILE: dict[str, tuple[str, Hostile]] = {
    "line that never ends": ("openai-chat", lambda n: (b"data: xxxx" for _ in range(n))),
    "line that never ends, ollama": ("ollama", lambda n: (b"xxxx" for _ in range(n))),
    "event that never ends": ("openai-chat", lambda n: (b"data: 1\n" for _ in range(n))),
    "empty lines of an event": ("anthropic", lambda n: (b"data\n" for _ in range(n))),
    "no event stream": ("openai-responses", lambda n: (b"<p>\n" for _ in range(n))),
    "no lines of JSON": ("ollama", lambda n: (b"<p>\n" for _ in range(n))),
    "comments": ("openai-chat", lambda n: (b": \n" for _ in range(n))),
    "returns and newlines": ("openai-chat", lambda n: (b"\r\n\r" for _ in range(n))),
    "events of nothing": ("openai-chat", lambda n: (b"data: {}\n\n" for _ in range(n))),
    "angle brackets, one by one": ("openai-chat", lambda n: each_char("<", n)),
    "tags that never close": ("openai-chat", lambda n: each_char("<think", n)),
    "tags in an answer": ("openai-chat", lambda n: each_char("x<think></think>`", n)),
    "tags in one delta": ("openai-chat", lambda n: [chat({"content": "</thin<think></thi" * n})]),
    "ends of Marco's output": (
        "openai-chat",
        lambda n: [chat({"content": "<Thought>x</Thought><Output>" + "</Output> <" * n})],
    ),
    "ends of Marco's output, one by one": (
        "openai-chat",
        lambda n: [chat({"content": "<Thought>x</Thought><Output>"}), *each_char("</Output> ", n)],
    ),
    "white space": ("openai-chat", lambda n: each_char(" \n\t", n)),
    "halves of characters": ("ollama", lambda n: (line("\ud83d", "\ud83d") for _ in range(n))),
    "final answers": ("openai-chat", lambda n: [chat({"content": "x\n" + "**Final Answer**\n \n" * n})]),
    "fields in turn": ("ollama", lambda n: (line("a", "b") for _ in range(n))),
    "reasoning repeated in tags": (
        "openai-chat",
        lambda n: [chat({"reasoning_content": "x" * n}), chat({"content": "<think>"}), *each_char("x", n)],
    ),
    "short messages after a long one": (
        "openai-chat",
        lambda n: [chat({"content": "x" * n}, "message"), *(chat({"content": "x"}, "message") for _ in range(n))],
    ),
    "many pieces, then short messages": (
        "openai-chat",
        lambda n: [*each_char("x", n), *(chat({"content": "y"}, "message") for _ in range(n))],
    ),
    "parts of a summary": ("openai-responses", lambda n: (summary("x", i) for i in range(n))),
    "blocks of thinking": ("anthropic", lambda n: (block("thinking", "x") for _ in range(n))),
    "brackets": ("openai-chat", lambda n: [b"data: " + b"[" * 10 * n + b"\n\n"]),
    "digits": ("openai-chat", lambda n: [b'data: {"usage": {"prompt_tokens": ' + b"9" * 10 * n + b"}}\n\n"]),
    "long error": ("openai-chat", lambda n: [b'data: {"error": {"message": "' + b"model tokens " * n + b'"}}\n\n']),
}
each_hostile = pytest.mark.parametrize(("protocol", "hostile"), HOSTILE.values(), ids=HOSTILE)


def read(protocol: str, pieces: list[bytes]) -> Parser:
    parser = ALL_PARSERS[protocol]()
    for piece in pieces:
        parser.feed(piece)
        if parser.is_ended:
            break
    parser.close()
    return parser


def work_s(protocol: str, pieces: list[bytes]) -> float:
    """Time of this processor alone: what else the machine does is not counted."""
    started_at = time.process_time()
    read(protocol, pieces)
    return time.process_time() - started_at


@each_hostile
def test_work_grows_with_the_size(protocol: str, hostile: Hostile) -> None:
    small, large = list(hostile(SMALL)), list(hostile(SMALL * FACTOR))
    quickest_small = quickest_large = float("inf")
    for _ in range(ATTEMPTS):
        quickest_small = min(quickest_small, work_s(protocol, small))
        quickest_large = min(quickest_large, work_s(protocol, large))
        if quickest_large < MOST * quickest_small or quickest_large < 0.01:
            return
    pytest.fail(f"{FACTOR} times the bytes took {quickest_large / quickest_small:.1f} times the work")


@each_hostile
def test_what_is_kept_is_bounded_by_the_size(protocol: str, hostile: Hostile) -> None:
    pieces = list(hostile(SMALL))
    size = sum(map(len, pieces))
    tracemalloc.start()
    try:
        read(protocol, pieces)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 25 * size + 1_000_000


@pytest.mark.parametrize("protocol", ALL_PARSERS)
@pytest.mark.parametrize("piece", [b"x" * 97, b"data: x\n", b"<p>\n"])
def test_stream_without_end_is_left(protocol: str, piece: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (lines, sse):
        monkeypatch.setattr(module, "MAX_LINE_BYTES", 10_000)
    assert read(protocol, [piece] * 2_000).error is not None


def test_text_without_end_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reasoning_tags, "MAX_TEXT_CHARS", 1000)
    story = told(ALL_PARSERS["openai-chat"](), b"".join(chat({"content": "x" * 10}) for _ in range(200)))
    assert isinstance(story.error, TooLarge)
    assert len(story.answer) <= 1000
