"""`/api/pull`: the steps of a download, as Ollama tells them (`server/images.go`), without any download.

What was fetched of a model stays when the client leaves, and the next pull goes on from there, as with the real one.
"""

import json
from collections.abc import Iterator
from math import inf

from arena.contestants.simulator.connection import whole, whole_later
from arena.contestants.simulator.directions import Directions, Fault
from arena.contestants.simulator.lineup import Lineup
from arena.contestants.simulator.playback import CutOff, Frame
from arena.contestants.simulator.wire.ollama import digest, line
from arena.contestants.simulator.wire.ollama import error as wire_error

TICK_S = 0.06  # how often the real one tells of its progress
# The weights, the template, the license, the parameters and the configuration, in shares of the size.
_SHARES = (0.999, 0.0003, 0.0003, 0.0002, 0.0002)
NOT_FOUND = "pull model manifest: file does not exist"
BROKEN = "max retries exceeded: unexpected EOF"


class _BrokenPull(Exception):
    """The download fails."""


def unknown() -> Iterator[Frame]:
    yield 0.0, line({"status": "pulling manifest"})
    yield 0.0, line({"error": NOT_FOUND})


def steps(lineup: Lineup, model: str, directions: Directions) -> Iterator[Frame]:
    """At its end the model is there."""
    done = directions.size if lineup.has(model) else lineup.fetched(model)
    yield 0.0, line({"status": "pulling manifest"})
    try:
        yield from _layers(lineup, model, directions, done)
    except _BrokenPull:
        yield 0.0, line({"error": BROKEN})
        return
    for status in ("verifying sha256 digest", "writing manifest"):
        yield 0.0, line({"status": status})
    lineup.add(model)
    yield 0.0, line({"status": "success"})


def in_one_piece(steps: Iterator[Frame]) -> Iterator[Frame]:
    """With `stream` false only the last word comes; an error then has a status of its own."""
    last = b""
    for wait, data in steps:
        yield wait, b""
        last = data or last
    error = json.loads(last).get("error")
    if error:
        yield from whole(500, wire_error(error)).frames
    else:
        yield from whole_later(0.0, lambda: last.strip())


def _layers(lineup: Lineup, model: str, directions: Directions, done: int) -> Iterator[Frame]:
    ticks = max(1, round(directions.pull_time / TICK_S))
    step = max(1, directions.size // ticks)
    wait = directions.pull_time / ticks
    start = 0
    for number, total in enumerate(_sizes(directions.size)):
        layer = digest(f"{model} {number}")
        told: dict[str, object] = {"status": f"pulling {layer[:12]}", "digest": f"sha256:{layer}", "total": total}
        has = min(total, max(0, done - start))
        yield 0.0, line(told | ({"completed": has} if has else {}))
        while has < total:
            has = min(total, has + step)
            yield wait * min(1.0, total / step), line(told | {"completed": has})
            lineup.note_fetched(model, start + has)
            yield from _broken(directions.fault, start + has, directions.size)
        start += total


def _broken(fault: Fault, done: int, size: int) -> Iterator[Frame]:
    """Halfway through."""
    if done * 2 < size or fault == Fault.NONE:
        return
    if fault in (Fault.CUT, Fault.CUT_MID_LINE, Fault.CUT_MID_CHARACTER):
        raise CutOff
    if fault == Fault.SILENCE:
        yield inf, b""
    if fault in (Fault.ERROR_MID_STREAM, Fault.OVERLOADED_MID_STREAM, Fault.FAILED):
        raise _BrokenPull


def _sizes(size: int) -> list[int]:
    rest = [int(size * share) for share in _SHARES[1:]]
    return [size - sum(rest), *rest]
