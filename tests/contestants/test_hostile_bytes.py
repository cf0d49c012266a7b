"""What breaks other clients, in every protocol: right text or a named failure, and what had arrived is kept."""

import json
from collections.abc import Callable

import pytest

from arena.contestants.errors import Garbage, ModelGone, ServerFailed, Truncated
from tests.contestants.recordings import told
from tests.contestants.streams import ALL_PARSERS

Say = Callable[..., bytes]


def dumped(value: object, *, raw: bool) -> str:
    return json.dumps(value, ensure_ascii=not raw)


def events(*values: object, raw: bool) -> bytes:
    return "".join(f"data: {dumped(value, raw=raw)}\n\n" for value in values).encode()


def ollama(*answer: str, reasoning: str = "", raw: bool = True) -> bytes:
    lines = [{"message": {"content": "", "thinking": reasoning}, "done": False}]
    lines += [{"message": {"content": text}, "done": False} for text in answer]
    return "".join(f"{dumped(line, raw=raw)}\n" for line in [*lines, {"done": True}]).encode()


def chat(*answer: str, reasoning: str = "", raw: bool = True) -> bytes:
    deltas = [{"reasoning_content": reasoning}, *({"content": text} for text in answer)]
    chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return events(*chunks, last, raw=raw)


def responses(*answer: str, reasoning: str = "", raw: bool = True) -> bytes:
    deltas = [{"type": "response.reasoning_text.delta", "delta": reasoning}]
    deltas += [{"type": "response.output_text.delta", "delta": text} for text in answer]
    return events(*deltas, {"type": "response.completed", "response": {}}, raw=raw)


def anthropic(*answer: str, reasoning: str = "", raw: bool = True) -> bytes:
    deltas = [{"thinking": reasoning}, *({"text": text} for text in answer)]
    blocks = [{"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas]
    return events(*blocks, {"type": "message_stop"}, raw=raw)


SAID: dict[str, Say] = {"ollama": ollama, "openai-chat": chat, "openai-responses": responses, "anthropic": anthropic}
EVENT_PROTOCOLS = [name for name in SAID if name != "ollama"]
SIZES = (0, 1, 7)

each_protocol = pytest.mark.parametrize("protocol", SAID)
each_event_protocol = pytest.mark.parametrize("protocol", EVENT_PROTOCOLS)
each_size = pytest.mark.parametrize("size", SIZES)


def answer_of(protocol: str, data: bytes, size: int) -> str:
    story = told(ALL_PARSERS[protocol](), data, size)
    assert story.error is None
    assert story.finish
    assert story.finish.answer == story.answer
    return story.answer


@each_protocol
@each_size
@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize(
    "mark", ["\u0085", "\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\ufeff", "😀", "\r\n", "e\u0301"]
)
def test_what_looks_like_a_line_break_stays_in_the_text(protocol: str, size: int, raw: bool, mark: str) -> None:
    assert answer_of(protocol, SAID[protocol](f"a{mark}", f"{mark}b", raw=raw), size) == f"a{mark}{mark}b"


@each_protocol
@each_size
@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (("a\ud83d", "\ude00b"), "a😀b"),
        (("a\ud83d", "b"), "a\ufffdb"),
        (("a", "\ude00b"), "a\ufffdb"),
        (("a\ud83d",), "a\ufffd"),
        (("a\ud83d\ud83d", "\ude00"), "a\ufffd😀"),
        (("a\0", "\0b"), "ab"),
        (("\0",), ""),
    ],
)
def test_halves_of_characters_are_joined_and_nul_is_dropped(
    protocol: str, size: int, pieces: tuple[str, ...], text: str
) -> None:
    assert answer_of(protocol, SAID[protocol](*pieces, raw=False), size) == text


@each_protocol
@each_size
def test_nul_that_nobody_escaped_is_dropped(protocol: str, size: int) -> None:
    assert answer_of(protocol, SAID[protocol]("a@b").replace(b"@", b"\0"), size) == "ab"


@each_protocol
@each_size
def test_bytes_that_are_no_text_are_replaced(protocol: str, size: int) -> None:
    assert answer_of(protocol, SAID[protocol]("a@b").replace(b"@", b"\xff"), size) == "a\ufffdb"


@each_protocol
@each_size
def test_mark_of_byte_order_at_the_start_is_skipped(protocol: str, size: int) -> None:
    assert answer_of(protocol, b"\xef\xbb\xbf" + SAID[protocol]("a", "b"), size) == "ab"


@each_size
def test_mark_of_byte_order_before_the_first_line_with_text_loses_nothing(size: int) -> None:
    said = b'\xef\xbb\xbf{"message":{"content":"a"}}\r\n{"message":{"content":"b"},"done":true}\r\n'
    assert answer_of("ollama", said, size) == "ab"


@each_protocol
@each_size
def test_lines_may_end_as_on_other_platforms(protocol: str, size: int) -> None:
    assert answer_of(protocol, SAID[protocol]("a", "b").replace(b"\n", b"\r\n"), size) == "ab"


@each_event_protocol
@each_size
def test_byte_order_mark_comments_and_unknown_fields_are_skipped(protocol: str, size: int) -> None:
    data = SAID[protocol]("a", "b").replace(b"\n\n", b"\nid: 7\nretry: 10\nx-cadence\n\n: still here\n\n")
    assert answer_of(protocol, b"\xef\xbb\xbf: hello\n\n" + data, size) == "ab"


@each_event_protocol
@each_size
@pytest.mark.parametrize(
    "error",
    [
        b'error: {"code": 500, "message": "boom"}\n\n',
        b'event: error\ndata: {"error": {"message": "boom"}}\n\n',
        b"event: error\ndata: boom\n\n",
        b'data: {"error": {"message": "boom"}}\n\n',
    ],
)
def test_error_in_mid_stream_is_named_and_the_text_kept(protocol: str, size: int, error: bytes) -> None:
    data = SAID[protocol]("a", "b")
    story = told(ALL_PARSERS[protocol](), data[: data.rindex(b"data:")] + error, size)
    assert isinstance(story.error, ServerFailed)
    assert "boom" in str(story.error)
    assert story.answer == "ab"


@each_protocol
@each_size
@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", Garbage),
        (b" \r\n\r\n\t", Garbage),
        (b"<!DOCTYPE html>\n<html>\n\n<p>Please sign in</p></html>", Garbage),
        (b"data", (Garbage, Truncated)),
        (b"\x00\x01\x02\xff", Garbage),
        (b"null", (Garbage, Truncated)),
        (b"[]", (Garbage, Truncated)),
        (b'{"a": 1}', (Garbage, Truncated)),
        (b'{\n  "error": "model \'x\' not found"\n}', ModelGone),
        (b'[{"error": {"message": "boom"}}]', ServerFailed),
    ],
)
def test_200_that_is_something_else_is_named(protocol: str, size: int, data: bytes, kind: type[Exception]) -> None:
    assert isinstance(told(ALL_PARSERS[protocol](), data, size).error, kind)


@each_protocol
def test_cut_at_any_byte_is_named_and_what_had_arrived_kept(protocol: str) -> None:
    data = SAID[protocol]("Wörter ", "und 😀", " mehr", reasoning="Hm … ")
    mark = data.rstrip().rindex(b"\n")
    whole = told(ALL_PARSERS[protocol](), data)
    assert (whole.reasoning, whole.answer) == ("Hm …", "Wörter und 😀 mehr")
    kept = 0
    for end in range(len(data)):
        story = told(ALL_PARSERS[protocol](), data[:end])
        if story.finish:
            assert end > mark
            continue
        assert isinstance(story.error, Truncated) or (isinstance(story.error, Garbage) and not story.reasoning)
        assert whole.reasoning.startswith(story.reasoning)
        assert whole.answer.startswith(story.answer)
        assert kept <= len(story.reasoning + story.answer)
        kept = len(story.reasoning + story.answer)
    assert kept == len(whole.reasoning + whole.answer)
