"""Battles under a virtual clock, as somebody sees them who wants to tell contestants apart by time.

Contestants are written as servers are: a time before the first piece, pieces of some characters, pauses, a length. What
is shown comes from the real pacer. `traits` are what an observer can measure of one slot, against the other: times,
gaps, sizes, places within frames, and what changes when the other has ended.
"""

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import pairwise
from statistics import fmean, pstdev

from arena.battles.events import ProgressMade, TextDelta
from arena.battles.pacing import PACERS, TICK_S, Lane

LIMIT_S = 4 * 60 * 60.0


@dataclass(frozen=True, slots=True)
class Speaker:
    """How a contestant writes. By the share `jitter` gaps differ; `pauses` of a hundred are longer, by `pause_s`."""

    first_s: float
    pieces_per_s: float
    piece_chars: int = 4
    jitter: float = 0.5
    pauses: float = 0.0
    pause_s: float = 2.0

    def pieces(self, chars: int, chance: random.Random) -> list[tuple[float, str]]:
        """When each piece arrives, in seconds."""
        at = self.first_s * chance.uniform(0.7, 1.3)
        pieces = []
        for _ in range(max(1, chars // self.piece_chars)):
            pieces.append((at, "x" * self.piece_chars))
            at += (1 + self.jitter * chance.uniform(-1, 1)) / self.pieces_per_s
            if chance.random() * 100 < self.pauses:
                at += self.pause_s * chance.random()
        return pieces


@dataclass(frozen=True, slots=True)
class Frame:
    """What is sent in one moment: slots in order, with the number of characters, -1 for an end."""

    at: float
    parts: tuple[tuple[str, int], ...]


def watch(pacing: str, scripts: dict[str, Sequence[tuple[float, str]]], chance: random.Random) -> list[Frame]:
    """Every frame of a battle in which these pieces arrive."""
    now = 0.0
    lanes = {slot: Lane(slot, 0, clock=lambda: now) for slot in scripts}
    pacer = PACERS[pacing](list(lanes.values()), clock=lambda: now)
    arrivals = deque(merge(*([(at, slot, text) for at, text in script] for slot, script in scripts.items())))
    ends = {slot: script[-1][0] for slot, script in scripts.items()}
    frames = []
    while not pacer.is_done:
        now += TICK_S * chance.uniform(1.0, 1.05)
        assert now < LIMIT_S, "nothing comes to an end"
        tick = now
        while arrivals and arrivals[0][0] <= tick:
            now, slot, text = arrivals.popleft()
            lanes[slot].take(TextDelta(slot, 0, "a", text))
        now = tick
        for slot, lane in lanes.items():
            if now >= ends[slot]:
                lane.end()
        events, over = pacer.advance()
        parts = [(event.slot, len(event.text)) for event in events if isinstance(event, TextDelta)]
        parts += [(lane.slot, -1) for lane in over]
        if parts or any(isinstance(event, ProgressMade) for event in events):
            frames.append(Frame(now, tuple(parts)))
    return frames


def live(scripts: dict[str, Sequence[tuple[float, str]]]) -> list[Frame]:
    """The same battle as it comes."""
    arrivals = merge(*([(at, slot, len(text)) for at, text in script] for slot, script in scripts.items()))
    ends = [(script[-1][0] + 0.01, slot, -1) for slot, script in scripts.items()]
    return [Frame(at, ((slot, chars),)) for at, slot, chars in merge(arrivals, sorted(ends))]


def traits(frames: Sequence[Frame], slot: str, other: str) -> dict[str, float]:
    """What can be measured of a slot, most of it against the other's."""
    mine, theirs = _Seen(frames, slot), _Seen(frames, other)
    alone = [(at, chars) for at, chars in mine.texts if at > theirs.ended_at]
    before = [(at, chars) for at, chars in mine.texts if at <= theirs.ended_at]
    return {
        "first text": mine.texts[0][0] - theirs.texts[0][0],
        "end": mine.ended_at - theirs.ended_at - (mine.chars - theirs.chars) / max(1.0, _pace(before)),
        "end after the last text": mine.ended_at - mine.texts[-1][0],
        "frames until the other's end": len(before) - sum(at <= mine.ended_at for at, _ in theirs.texts),
        "largest piece": max(chars for _, chars in before or mine.texts) - max(chars for _, chars in theirs.texts),
        "longest gap": _longest_gap(before) - _longest_gap(theirs.texts),
        "place in frames": fmean(mine.places) - fmean(theirs.places),
        "pace after the other's end": _pace(alone) / _pace(before) if _pace(alone) and _pace(before) else 1.0,
        "unevenness after the other's end": _unevenness(alone) - _unevenness(before[-len(alone) :]) if alone else 0.0,
        "longest gap after the other's end": _longest_gap(alone),
        "pace at the end": _pace(mine.texts[-20:]) - _pace(theirs.texts[-20:]),
        "characters a second": mine.chars / (mine.ended_at or 1.0) - theirs.chars / (theirs.ended_at or 1.0)
        if mine.chars == theirs.chars
        else 0.0,
    }


class _Seen:
    """One slot's part of the frames."""

    def __init__(self, frames: Sequence[Frame], slot: str) -> None:
        self.texts = [(frame.at, n) for frame in frames for who, n in frame.parts if who == slot and n >= 0]
        self.places = [place for frame in frames for place, (who, _) in enumerate(frame.parts) if who == slot]
        self.ended_at = next(frame.at for frame in frames if (slot, -1) in frame.parts)
        self.chars = sum(chars for _, chars in self.texts)


def _pace(texts: Sequence[tuple[float, int]]) -> float:
    if len(texts) < 2:
        return 0.0
    return sum(chars for _, chars in texts[1:]) / max(TICK_S, texts[-1][0] - texts[0][0])


def _longest_gap(texts: Sequence[tuple[float, int]]) -> float:
    return max((later - earlier for (earlier, _), (later, _) in pairwise(texts)), default=0.0)


def _unevenness(texts: Sequence[tuple[float, int]]) -> float:
    sizes = [chars for _, chars in texts[:-1]]
    return pstdev(sizes) / fmean(sizes) if len(sizes) > 2 else 0.0
