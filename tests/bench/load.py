"""What every run of the bench plays: numbered tokens at a steady pace, so that loss, doubling, order and lateness show.

The `load` reasoner of the simulator writes "t0 ", "t1 ", … Token k leaves the simulator at `start + k / RATE`; the
simulator tells when each stream started, on the clock that all processes of a machine share.
"""

import math
import re
from dataclasses import dataclass, field

TOKENS = 400
RATE = 50.0  # tokens per second and stream
STREAMS = 2
MODEL = f"load?tokens={TOKENS}&rate={RATE:g}&think=0.5"
EXPECTED = [f"t{number}" for number in range(TOKENS)]
_TOKEN = re.compile(r"t\d+")  # the white space between reasoning and answer is dropped on the way


@dataclass
class Stream:
    """One stream as its reader got it: the text, and when each of its tokens came (seconds, monotonic)."""

    key: str
    text: str = ""
    arrivals: list[float] = field(default_factory=list)

    def add(self, text: str, now: float) -> None:
        self.text += text
        self.arrivals.extend([now] * text.count("t"))

    @property
    def lost_or_doubled(self) -> int:
        tokens = _TOKEN.findall(self.text)
        wrong = sum(1 for got, want in zip(tokens, EXPECTED, strict=False) if got != want)
        return wrong + abs(len(tokens) - len(EXPECTED))

    def latencies(self, start: float) -> list[float]:
        return [arrival - (start + number / RATE) for number, arrival in enumerate(self.arrivals)]


def percentile(values: list[float], percent: float) -> float:
    """The value that `percent` of the values do not exceed (nearest rank)."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(percent / 100 * len(ordered)) - 1)]
