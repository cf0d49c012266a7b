"""What the bench plays: numbered tokens at a steady pace, so that loss, doubling, order and lateness show.

The `load` reasoner of the simulator writes "t0 ", "t1 ", … Token k leaves the simulator at `start + delay + k / rate`;
the simulator tells when each stream started, on the clock that all processes of a machine share.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

_TOKEN = re.compile(r"t\d+")  # the white space between reasoning and answer is dropped on the way


@dataclass(frozen=True)
class Load:
    """Battles whose contestants, `<name>-0`, `<name>-1` and so on, all write so many tokens at such a pace."""

    name: str
    tokens: int
    rate: float  # tokens per second and stream
    streams: int = 2
    delay_s: float = 0.0  # before the first token

    @property
    def model(self) -> str:
        return f"load?tokens={self.tokens}&rate={self.rate:g}&think=0.5&delay={self.delay_s:g}"

    @property
    def slugs(self) -> list[str]:
        return [f"{self.name}-{number}" for number in range(self.streams)]

    @property
    def catalogue(self) -> str:
        return "".join(
            f'\n[[contestant]]\nslug = "{slug}"\nname = "{slug}"\nprovider = "openai"\nmodel = "{self.model}"\n'
            "simulated = true\n"
            for slug in self.slugs
        )

    def described(self) -> dict[str, object]:
        return {"streams_per_battle": self.streams, "tokens_per_stream": self.tokens, "tokens_per_s": self.rate}


# What the arena is measured with, as others have been.
STEADY = Load("steady", tokens=400, rate=50.0)
# Silent until all viewers are there, so that joining and watching can be told apart.
WATCHED = Load("watched", tokens=400, rate=50.0, delay_s=6.0)
# Over so soon that almost all it costs is the start and the end of battles.
SHORT = Load("short", tokens=10, rate=50.0)
# Still running when a part of the arena has died and come back.
LONG = Load("long", tokens=6000, rate=50.0)
# Many streams that run at the same time without keeping anything busy.
SLOW = Load("slow", tokens=600, rate=2.0)
LOADS = (STEADY, WATCHED, SHORT, LONG, SLOW)


@dataclass
class Stream:
    """One stream as its reader got it: the text, and when each of its tokens came (seconds, monotonic)."""

    key: str
    text: str = ""
    arrivals: list[float] = field(default_factory=list)
    is_ended: bool = False

    def add(self, text: str, now: float) -> None:
        self.text += text
        self.arrivals.extend([now] * text.count("t"))

    def replace(self, text: str, now: float) -> None:
        """What is shown from now on; tokens that were there before have come before."""
        count = text.count("t")
        self.text = text
        self.arrivals = self.arrivals[:count] + [now] * (count - len(self.arrivals))

    def lost_or_doubled(self, tokens: int) -> int:
        """How far the text is from the first `tokens` tokens, each once and in order."""
        got: list[str] = _TOKEN.findall(self.text)
        wrong = sum(token != f"t{number}" for number, token in zip(range(tokens), got, strict=False))
        return wrong + abs(len(got) - tokens)

    def latencies(self, first_due: float, rate: float) -> list[float]:
        return [arrival - (first_due + number / rate) for number, arrival in enumerate(self.arrivals)]


def percentile(values: Iterable[float], percent: float) -> float:
    """The value that `percent` of the values do not exceed (nearest rank)."""
    ordered: Sequence[float] = sorted(values)
    if not ordered:
        return math.nan
    return ordered[min(len(ordered) - 1, math.ceil(percent / 100 * len(ordered)) - 1)]
