"""The faults of `directions.Fault` put into effect: refusals before a stream, and breaks and oddities inside it."""

from collections.abc import Callable, Iterator
from itertools import cycle
from math import inf
from typing import NamedTuple

from arena.contestants.simulator.connection import Answer, generated_whole, streamed, whole
from arena.contestants.simulator.directions import Fault
from arena.contestants.simulator.generation import Generation, Piece, Wire, frames
from arena.contestants.simulator.playback import CutOff, Frame

HUGE_DELTA = "huge " * 200_000
ODD_CHARACTERS = "nul \0 half \ud83d other half \ude00 next line \x85 separator \u2028 tab \x0b end "
HTML = b"<!doctype html><html><head><title>Gateway</title></head><body><h1>Please wait</h1></body></html>"


class Refusal(NamedTuple):
    """An error before the stream; each protocol writes it in its own form."""

    status: int
    message: str
    type: str
    code: str | None
    headers: tuple[tuple[str, str], ...] = ()


_REFUSALS = {
    Fault.HTTP_400_CONTEXT: Refusal(
        400,
        "This model's maximum context length is 4096 tokens. However, your messages resulted in 5000 tokens.",
        "invalid_request_error",
        "context_length_exceeded",
    ),
    Fault.HTTP_401: Refusal(401, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key"),
    Fault.HTTP_403: Refusal(403, "You are not allowed to use this model.", "invalid_request_error", "forbidden"),
    Fault.HTTP_404: Refusal(404, "The model does not exist.", "invalid_request_error", "model_not_found"),
    Fault.HTTP_429: Refusal(
        429, "Rate limit reached for requests.", "requests", "rate_limit_exceeded", (("Retry-After", "1"),)
    ),
    Fault.QUOTA: Refusal(
        429, "You exceeded your current quota, please check your plan.", "insufficient_quota", "insufficient_quota"
    ),
    Fault.HTTP_500: Refusal(500, "The server had an error while processing your request.", "server_error", None),
    Fault.HTTP_503: Refusal(503, "The server is busy, please try again.", "server_error", "overloaded"),
    Fault.ERROR_200: Refusal(200, "The server had an error while processing your request.", "server_error", None),
}
STREAM_REFUSED = Refusal(
    400, "Unsupported value: 'stream' does not support true with this model.", "invalid_request_error",
    "unsupported_value",
)  # fmt: skip


def instead(
    fault: Fault, *, is_streamed: bool, refused: Callable[[Refusal], Answer], content_type: str
) -> Answer | None:
    """What is answered in place of a generation, if this fault is one of those."""
    if fault in _REFUSALS:
        return refused(_REFUSALS[fault])
    if fault == Fault.REFUSE_STREAM and is_streamed:
        return refused(STREAM_REFUSED)
    if fault in (Fault.HTML_200, Fault.HTML_502):
        return whole(200 if fault == Fault.HTML_200 else 502, HTML, "text/html")
    if fault == Fault.EMPTY_200:
        return streamed(iter(()), content_type)
    if fault == Fault.RESET:
        return Answer(_cut())
    return None


def in_one_piece(generation: Generation, body: bytes) -> Answer:
    """A response that is not streamed, with those faults that make sense there."""
    fault, duration = generation.directions.fault, generation.duration_s
    whole_answer = generated_whole(duration, body)
    if fault in (Fault.CUT, Fault.CUT_MID_LINE, Fault.MISSING_DONE):
        [(_, data)] = whole_answer.frames
        return Answer(_cut((duration, data[: len(data) // 2])), is_generation=True)
    if fault in (Fault.SILENCE, Fault.NEVER_ENDS):
        return generated_whole(inf, body)
    if fault == Fault.GARBAGE:
        return generated_whole(duration, body[: len(body) // 2])
    return whole_answer


def in_stream(generation: Generation, wire: Wire) -> Iterator[Frame]:
    """The frames of a streamed response, its fault included."""
    fault = generation.directions.fault
    if fault in _IN_STREAM:
        return _IN_STREAM[fault](generation, wire)
    return frames(generation, wire)


def _cut(*before: Frame) -> Iterator[Frame]:
    yield from before
    raise CutOff


def _first_half(generation: Generation, wire: Wire) -> Iterator[Frame]:
    """The opening and half of the pieces."""
    half = 1 + len(generation.pieces) // 2
    for _, frame in zip(range(half), frames(generation, wire), strict=False):
        yield frame


def _cut_off(generation: Generation, wire: Wire) -> Iterator[Frame]:
    yield from _first_half(generation, wire)
    raise CutOff


def _cut_mid_line(generation: Generation, wire: Wire) -> Iterator[Frame]:
    yield from _first_half(generation, wire)
    line = wire.piece("naïve", is_reasoning=False)
    end = line.find("ï".encode())
    yield generation.directions.token_wait_s, line[: end + 1] if end > 0 else line[: len(line) // 2]
    raise CutOff


def _silence(generation: Generation, wire: Wire) -> Iterator[Frame]:
    yield from _first_half(generation, wire)
    yield inf, b""


def _error(generation: Generation, wire: Wire) -> Iterator[Frame]:
    yield from _first_half(generation, wire)
    yield generation.directions.token_wait_s, wire.error()


def _garbage(generation: Generation, wire: Wire) -> Iterator[Frame]:
    half = 1 + len(generation.pieces) // 2
    for number, frame in enumerate(frames(generation, wire)):
        if number == half:
            yield 0.0, wire.broken_piece()
        yield frame


def _missing_done(generation: Generation, wire: Wire) -> Iterator[Frame]:
    """Everything but the closing."""
    for _, frame in zip(range(1 + len(generation.pieces)), frames(generation, wire), strict=False):
        yield frame


def _never_ends(generation: Generation, wire: Wire) -> Iterator[Frame]:
    yield from _missing_done(generation, wire)
    wait = max(generation.directions.token_wait_s, 0.0001)
    for piece in cycle(generation.pieces or (Piece("again "),)):
        yield wait, wire.piece(piece.text, is_reasoning=piece.is_reasoning)


def _late_null_finish(generation: Generation, wire: Wire) -> Iterator[Frame]:
    yield from _missing_done(generation, wire)
    mark, *rest = wire.closing(generation)
    for part in (mark, wire.late_null_finish(), *rest):
        yield 0.0, part


def _huge_delta(generation: Generation, wire: Wire) -> Iterator[Frame]:
    return _with_piece(HUGE_DELTA, generation, wire)


def _odd_characters(generation: Generation, wire: Wire) -> Iterator[Frame]:
    return _with_piece(ODD_CHARACTERS, generation, wire)


def _with_piece(text: str, generation: Generation, wire: Wire) -> Iterator[Frame]:
    yield from _missing_done(generation, wire)
    yield generation.directions.token_wait_s, wire.piece(text, is_reasoning=False)
    for part in wire.closing(generation):
        yield 0.0, part


def _seven_bytes(generation: Generation, wire: Wire) -> Iterator[Frame]:
    for wait, data in frames(generation, wire):
        for start in range(0, len(data), 7):
            yield (0.0 if start else wait), data[start : start + 7]


def _odd_lines(generation: Generation, wire: Wire) -> Iterator[Frame]:
    yield 0.0, wire.odd_start()
    for number, (wait, data) in enumerate(frames(generation, wire)):
        yield wait, wire.oddly(data, number)


_IN_STREAM: dict[Fault, Callable[[Generation, Wire], Iterator[Frame]]] = {
    Fault.CUT: _cut_off,
    Fault.CUT_MID_LINE: _cut_mid_line,
    Fault.SILENCE: _silence,
    Fault.ERROR_MID_STREAM: _error,
    Fault.GARBAGE: _garbage,
    Fault.MISSING_DONE: _missing_done,
    Fault.NEVER_ENDS: _never_ends,
    Fault.LATE_NULL_FINISH: _late_null_finish,
    Fault.HUGE_DELTA: _huge_delta,
    Fault.ODD_CHARACTERS: _odd_characters,
    Fault.SEVEN_BYTES: _seven_bytes,
    Fault.ODD_LINES: _odd_lines,
}
