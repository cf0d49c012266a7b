"""The faults of `directions.Fault` put into effect: answers in place of a response, breaks and oddities inside it.

What is refused with an error is in `refusals.py`.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import cycle
from math import inf

from arena.contestants.simulator.connection import Answer, Headers, chunked, head, whole, whole_later
from arena.contestants.simulator.directions import Fault
from arena.contestants.simulator.generation import Generation, Piece, Wire, frames
from arena.contestants.simulator.playback import CutOff, Frame

HUGE_DELTA = "huge " * 200_000
TOO_LARGE_DELTAS = 25  # of an unstreamed response: more than any client should take
ODD_CHARACTERS = "nul \0 half \ud83d other half \ude00 next line \x85 separator \u2028 tab \x0b end "
HTML = b"<!doctype html><html><head><title>Gateway</title></head><body><h1>Please wait</h1></body></html>"
TRICKLE_BYTES = 16
TRICKLE_WAIT_S = 0.01
GZIP_WBITS = 31

Turn = Callable[[Iterator[Frame]], Iterator[Frame]]


def instead(fault: Fault) -> Answer | None:
    """What is answered in place of a response, if this fault is one of those."""
    match fault:
        case Fault.HTML_200:
            return whole(200, HTML, "text/html")
        case Fault.HTML_502:
            return whole(502, HTML, "text/html")
        case Fault.EMPTY_200:
            return Answer(chunked(iter(()), "text/event-stream"), is_generation=True)
        case Fault.RESET:
            return Answer(_cut())
        case Fault.SILENT_START:
            return Answer(iter([(inf, b"")]), is_generation=True)
        case Fault.SILENT_BODY:
            opening = head(200, "text/event-stream", ("Transfer-Encoding", "chunked"))
            return Answer(iter([(0.0, opening), (inf, b"")]), is_generation=True)
    return None


def in_one_piece(generation: Generation, wire: Wire, headers: Headers) -> Iterator[Frame]:
    """A response that is not streamed, with those faults that make sense there."""
    fault, wait = generation.directions.fault, generation.duration_s
    if fault in _ADDED:
        generation = _with_pieces(generation, *_ADDED[fault])

    def body() -> bytes:  # written when it is due
        return wire.whole(generation)

    match fault:
        case Fault.CUT | Fault.CUT_MID_LINE | Fault.CUT_MID_CHARACTER | Fault.MISSING_DONE:
            return _broken_off(wait, whole_later(0.0, body, headers))
        case Fault.SILENCE | Fault.NEVER_ENDS:
            return whole_later(inf, body, headers)
        case Fault.GARBAGE:
            return whole_later(wait, lambda: _half(body()), headers)
        case Fault.ERROR_MID_STREAM | Fault.OVERLOADED_MID_STREAM | Fault.FAILED | Fault.ERROR_LINE:
            return _cut((wait, b""))
        case Fault.GZIP:
            packed = (*headers, ("Content-Encoding", "gzip"))
            return whole_later(wait, lambda: zlib.compress(body(), wbits=GZIP_WBITS), packed)
        case Fault.SLOW_HEADERS:
            return _trickled(whole_later(wait, body, headers))
    return whole_later(wait, body, headers)


def streamed(generation: Generation, wire: Wire, headers: Headers, turn: Turn) -> Iterator[Frame]:
    """The bytes of a streamed response, its fault included. `turn` holds it back until it is served."""
    fault = generation.directions.fault
    parts = turn(_IN_STREAM.get(fault, frames)(generation, wire))
    if fault == Fault.GZIP:
        return chunked(_compressed(parts), wire.content_type, (*headers, ("Content-Encoding", "gzip")))
    if fault == Fault.SLOW_HEADERS:
        return _trickled(chunked(parts, wire.content_type, headers))
    return chunked(parts, wire.content_type, headers)


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _broken_off(wait: float, parts: Iterator[Frame]) -> Iterator[Frame]:
    """The first half of the bytes of a whole answer."""
    yield wait, b""
    for _, data in parts:
        if data:
            yield 0.0, _half(data)
    raise CutOff


def _trickled(parts: Iterator[Frame]) -> Iterator[Frame]:
    """The header comes in small pieces."""
    is_header = True
    for wait, data in parts:
        if not (is_header and data):
            yield wait, data
            continue
        is_header = False
        opening, blank, rest = data.partition(b"\r\n\r\n")
        yield wait, b""
        for start in range(0, len(opening), TRICKLE_BYTES):
            yield TRICKLE_WAIT_S, opening[start : start + TRICKLE_BYTES]
        yield TRICKLE_WAIT_S, blank + rest


def _compressed(parts: Iterator[Frame]) -> Iterator[Frame]:
    packer = zlib.compressobj(wbits=GZIP_WBITS)
    for wait, data in parts:
        yield wait, packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH) if data else b""
    yield 0.0, packer.flush()


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
    line = wire.piece("a piece that is cut", is_reasoning=False)
    yield generation.directions.token_wait_s, line[: line.rindex(b" cut")]
    raise CutOff


def _cut_mid_character(generation: Generation, wire: Wire) -> Iterator[Frame]:
    """The text ends with the first byte of an ï, which takes two."""
    yield from _first_half(generation, wire)
    line = wire.piece("na@@", is_reasoning=False)
    yield generation.directions.token_wait_s, line[: line.rindex(b"@@")] + "ï".encode()[:1]
    raise CutOff


def _silence(generation: Generation, wire: Wire) -> Iterator[Frame]:
    yield from _first_half(generation, wire)
    yield inf, b""


def _error(generation: Generation, wire: Wire) -> Iterator[Frame]:
    yield from _first_half(generation, wire)
    yield generation.directions.token_wait_s, wire.error(is_overloaded=False)


def _overloaded(generation: Generation, wire: Wire) -> Iterator[Frame]:
    yield from _first_half(generation, wire)
    yield generation.directions.token_wait_s, wire.error(is_overloaded=True)


def _failed(generation: Generation, wire: Wire) -> Iterator[Frame]:
    yield from _first_half(generation, wire)
    yield generation.directions.token_wait_s, wire.failed()


def _error_line(generation: Generation, wire: Wire) -> Iterator[Frame]:
    """As llama-server wrote it."""
    yield from _first_half(generation, wire)
    yield (
        generation.directions.token_wait_s,
        b'error: {"code":500,"message":"The server had an error.","type":"server_error"}\n\n',
    )


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


def _too_large(generation: Generation, wire: Wire) -> Iterator[Frame]:
    yield from _missing_done(generation, wire)
    while True:
        yield generation.directions.token_wait_s, wire.piece(HUGE_DELTA, is_reasoning=False)


def _with_more(generation: Generation, wire: Wire) -> Iterator[Frame]:
    return frames(_with_pieces(generation, *_ADDED[generation.directions.fault]), wire)


def _with_pieces(generation: Generation, *texts: str) -> Generation:
    return replace(generation, pieces=(*generation.pieces, *map(Piece, texts)))


def _seven_bytes(generation: Generation, wire: Wire) -> Iterator[Frame]:
    for wait, data in frames(generation, wire):
        for start in range(0, len(data), 7):
            yield (0.0 if start else wait), data[start : start + 7]


def _odd_lines(generation: Generation, wire: Wire) -> Iterator[Frame]:
    yield 0.0, wire.odd_start()
    for number, (wait, data) in enumerate(frames(generation, wire)):
        yield wait, wire.oddly(data, number)


# What is added to the script.
_ADDED = {
    Fault.HUGE_DELTA: (HUGE_DELTA,),
    Fault.ODD_CHARACTERS: (ODD_CHARACTERS,),
    Fault.TOO_LARGE: (HUGE_DELTA,) * TOO_LARGE_DELTAS,
}
_IN_STREAM: dict[Fault, Callable[[Generation, Wire], Iterator[Frame]]] = {
    Fault.CUT: _cut_off,
    Fault.CUT_MID_LINE: _cut_mid_line,
    Fault.CUT_MID_CHARACTER: _cut_mid_character,
    Fault.SILENCE: _silence,
    Fault.ERROR_MID_STREAM: _error,
    Fault.OVERLOADED_MID_STREAM: _overloaded,
    Fault.FAILED: _failed,
    Fault.ERROR_LINE: _error_line,
    Fault.GARBAGE: _garbage,
    Fault.MISSING_DONE: _missing_done,
    Fault.NEVER_ENDS: _never_ends,
    Fault.LATE_NULL_FINISH: _late_null_finish,
    Fault.TOO_LARGE: _too_large,
    Fault.HUGE_DELTA: _with_more,
    Fault.ODD_CHARACTERS: _with_more,
    Fault.SEVEN_BYTES: _seven_bytes,
    Fault.ODD_LINES: _odd_lines,
}
