"""Are ballots cast faster than anybody can read? Numbers in, a finding out; no Django here."""

from collections.abc import Sequence
from dataclasses import dataclass

# So many ballots in a row are looked at together: somebody may read three battles in three tabs, then cast three.
IN_A_ROW = 10
# 1,500 words a minute, which is skimming; and nobody is expected to have read more than so many of a long reasoning.
WORDS_PER_S = 25.0
WORDS_AT_LEAST = 100
# To find the form and fill it in.
HANDLING_S = 1.0
CHARS_PER_WORD = 6


@dataclass(frozen=True, slots=True)
class Timed:
    """cast_at_s: seconds on any clock; chars: how long the texts of its battle are."""

    cast_at_s: float
    chars: int


@dataclass(frozen=True, slots=True)
class Haste:
    """The hastiest run: `ballots` within `took_s` seconds, on texts of `words` words; nobody needs less than
    `needed_s`."""

    ballots: int
    took_s: float
    needed_s: float
    words: int

    @property
    def is_clear(self) -> bool:
        return self.took_s < self.needed_s


def haste(ballots: Sequence[Timed]) -> Haste | None:
    """In the order in which they were cast; None before there are IN_A_ROW + 1. The first tells only when the others
    began."""
    needed = [_needed_s(ballot) for ballot in ballots]
    runs = [
        Haste(
            IN_A_ROW,
            ballots[last].cast_at_s - ballots[last - IN_A_ROW].cast_at_s,
            sum(needed[last - IN_A_ROW + 1 : last + 1]),
            sum(_words(ballot) for ballot in ballots[last - IN_A_ROW + 1 : last + 1]),
        )
        for last in range(IN_A_ROW, len(ballots))
    ]
    return min(runs, key=lambda run: run.took_s / run.needed_s, default=None)


def _needed_s(ballot: Timed) -> float:
    return HANDLING_S + min(_words(ballot), WORDS_AT_LEAST) / WORDS_PER_S


def _words(ballot: Timed) -> int:
    return ballot.chars // CHARS_PER_WORD
