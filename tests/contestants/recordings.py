"""Recorded streams of real servers, and what they must give."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from arena.contestants.deltas import AnswerDelta, Delta, Finish, ReasoningDelta, Relabel, Usage
from arena.contestants.errors import ProviderError
from arena.contestants.providers.anthropic import MessagesStream
from arena.contestants.providers.openai_chat import ChatStream
from arena.contestants.providers.openai_responses import ResponsesStream
from arena.contestants.providers.parsing import Parser

FOLDER = Path(__file__).parent / "data" / "recordings"
PARSERS: dict[str, Callable[..., Parser]] = {
    "openai-chat": ChatStream,
    "openai-responses": ResponsesStream,
    "anthropic": MessagesStream,
}


@dataclass(frozen=True)
class Recording:
    name: str
    protocol: str
    script: str
    expected: dict[str, str]

    @property
    def data(self) -> bytes:
        return (FOLDER / self.name).read_bytes()

    def parser(self, *, opens_with_reasoning: bool = False) -> Parser:
        return PARSERS[self.protocol](opens_with_reasoning=opens_with_reasoning)


def recordings() -> list[Recording]:
    rows = json.loads((FOLDER / "manifest.json").read_text())
    for row in rows:
        data = (FOLDER / row["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == row["sha256"]
    return [Recording(row["file"], row["protocol"], row["script"], row["expected"]) for row in rows]


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """The data in pieces of so many bytes; 0: whole."""
    size = size or max(len(data), 1)
    return (data[start : start + size] for start in range(0, len(data), size))


@dataclass
class Told:
    """What someone who applies the deltas one by one ends with."""

    reasoning: str = ""
    answer: str = ""
    relabels: int = 0
    usage: Usage | None = None
    finish: Finish | None = None
    error: ProviderError | None = None

    def apply(self, delta: Delta) -> None:
        assert self.finish is None, "a Finish is the last delta"
        match delta:
            case ReasoningDelta(text):
                self.reasoning += checked(text)
            case AnswerDelta(text):
                self.answer += checked(text)
            case Relabel():
                self.relabels += 1
                self.reasoning, self.answer = self.reasoning + self.answer, ""
            case Usage():
                self.usage = delta
            case Finish():
                self.finish = delta


def checked(text: str) -> str:
    assert text
    assert "\0" not in text
    text.encode()  # raises for a lone surrogate
    return text


def told(parser: Parser, data: bytes, size: int = 0) -> Told:
    """Reads a whole stream, cut into pieces."""
    story = Told()
    for piece in pieces(data, size):
        for delta in parser.feed(piece):
            story.apply(delta)
        if parser.is_ended:
            break
    for delta in parser.close():
        story.apply(delta)
    story.error = parser.error
    assert (story.error is None) == (story.finish is not None)
    return story
