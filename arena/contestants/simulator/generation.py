"""From a conversation and its directions to frames: tokens, their fields and their times, in any protocol."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypedDict

from arena.contestants.simulator.directions import Directions, Fault, Placement
from arena.contestants.simulator.playback import Frame

# Roughly what a tokeniser makes of a text: words with their space, up to three digits, a sign or two.
_TOKEN = re.compile(r"\s?[^\W\d_]{1,9}|\s?\d{1,3}|\s?[^\w\s]{1,2}|\s+|.", re.DOTALL)
_SEPARATE_FIELDS = (Placement.SEPARATE, Placement.ALTERNATIVE)
HIDING = (Placement.HIDDEN, Placement.REDACTED)
REFUSAL = "I am a simulated reasoner, and I was told to refuse this request."


class Message(TypedDict):
    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Script:
    """What a reasoner has to say, whole."""

    reasoning: tuple[str, ...]
    answer: tuple[str, ...]

    @classmethod
    def of(cls, reasoning: str, answer: str) -> "Script":
        return cls(tuple(_TOKEN.findall(reasoning)), tuple(_TOKEN.findall(answer)))


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    is_reasoning: bool = False  # goes into the separate reasoning field


@dataclass(frozen=True, slots=True)
class Usage:
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int


@dataclass(frozen=True, slots=True)
class Generation:
    """Everything a protocol needs to write one response."""

    pieces: tuple[Piece, ...]
    usage: Usage
    directions: Directions
    finish_reason: str = "stop"  # or length, or content_filter
    is_refusal: bool = False  # the text is the model's own refusal to answer

    @property
    def reasoning(self) -> str:
        return "".join(piece.text for piece in self.pieces if piece.is_reasoning)

    @property
    def content(self) -> str:
        return "".join(piece.text for piece in self.pieces if not piece.is_reasoning)

    @property
    def duration_s(self) -> float:
        return self.directions.delay + self.directions.token_wait_s * len(self.pieces)


class Wire(Protocol):
    """How a protocol writes the parts of a streamed response, and the whole of it."""

    content_type: str

    def queued(self) -> bytes:
        """What is said while the request waits in line; mostly nothing."""

    def opening(self) -> bytes: ...
    def piece(self, text: str, *, is_reasoning: bool) -> bytes: ...
    def closing(self, generation: Generation) -> tuple[bytes, ...]:
        """The terminal mark first, then what follows it."""

    def error(self, *, is_overloaded: bool) -> bytes: ...
    def failed(self) -> bytes:
        """The response's own end as a failure; where there is none, an error."""

    def broken_piece(self) -> bytes: ...
    def late_null_finish(self) -> bytes: ...
    def odd_start(self) -> bytes: ...
    def oddly(self, part: bytes, number: int) -> bytes:
        """The same part written as the protocol also allows it."""

    def whole(self, generation: Generation) -> bytes: ...


def count_tokens(messages: Sequence[Message]) -> int:
    return sum(4 + sum(1 for _ in _TOKEN.finditer(message["content"])) for message in messages)


def numbered(directions: Directions) -> Script:
    """The script of `load`: "t0 ", "t1 ", … through reasoning and answer."""
    tokens = tuple(f"t{number} " for number in range(directions.tokens))
    thoughts = round(directions.tokens * directions.think)
    return Script(tokens[:thoughts], tokens[thoughts:])


def generate(
    script: Script, directions: Directions, *, prompt_tokens: int, token_limit: int | None = None, think: bool = True
) -> Generation:
    """`think` false: the client asked a server that can do so not to reason. A limit cuts, hidden tokens included."""
    is_refusal = directions.fault == Fault.REFUSAL
    if is_refusal:
        script = Script.of("", REFUSAL)
    reasoning = script.reasoning if think else ()
    answer = script.answer
    size = len(reasoning) + len(answer)
    stops_halfway = directions.fault in (Fault.LENGTH, Fault.CONTENT_FILTER)
    limit = min(size // 2 if stops_halfway else size, size if token_limit is None else token_limit)
    is_cut = limit < size
    if is_cut:
        reasoning, answer = reasoning[:limit], answer[: max(0, limit - len(reasoning))]
    is_closed = not (is_cut and not answer) and directions.fault != Fault.NO_CLOSING_TAG
    return Generation(
        tuple(_laid_out(reasoning, answer, directions.reasoning, is_closed=is_closed)),
        Usage(prompt_tokens, len(reasoning) + len(answer), len(reasoning)),
        directions,
        _finish_reason(directions.fault) if is_cut else "stop",
        is_refusal,
    )


def _finish_reason(fault: Fault) -> str:
    return "content_filter" if fault == Fault.CONTENT_FILTER else "length"


def _laid_out(
    reasoning: Sequence[str], answer: Sequence[str], placement: Placement, *, is_closed: bool
) -> Iterator[Piece]:
    if placement in _SEPARATE_FIELDS:
        yield from (Piece(text, is_reasoning=True) for text in reasoning)
    elif placement not in HIDING and reasoning:
        opening, seam, _ = _TAGS[placement]
        yield from (Piece(tag) for tag in opening)
        yield from map(Piece, reasoning)
        if not is_closed:
            return
        yield from map(Piece, seam)
    yield from map(Piece, answer)
    if placement == Placement.THOUGHT and reasoning:
        yield from map(Piece, _TAGS[placement][2])


# Opening, seam and end of each way to write reasoning into the text. Tags come in several tokens, as they do.
_TAGS: dict[Placement, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    Placement.INLINE: (("<", "think", ">", "\n"), ("\n", "</", "think", ">", "\n\n"), ()),
    Placement.UNOPENED: ((), ("\n", "</", "think", ">", "\n\n"), ()),
    Placement.THOUGHT: (("<", "Thought", ">\n"), ("\n</", "Thought", ">\n", "<", "Output", ">\n"), ("\n</", "Output>")),
    Placement.UNTAGGED: ((), ("\n\n", "**", "Final", " Answer", "**", "\n\n"), ()),
}


def frames(generation: Generation, wire: Wire) -> Iterator[Frame]:
    """The streamed response without faults."""
    wait = generation.directions.token_wait_s
    yield generation.directions.delay, wire.opening()
    write = wire.piece
    pause = 0.0  # the first token comes with the opening
    for piece in generation.pieces:
        yield pause, write(piece.text, is_reasoning=piece.is_reasoning)
        pause = wait
    for part in wire.closing(generation):
        yield 0.0, part
