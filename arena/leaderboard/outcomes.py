"""What the ballots say about each pair of contestants. Arrays in, arrays out; no Django here."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Votes:
    """What V verdicts say, one row for each ballot and slot; the rows of a ballot stand together.

    battle, ballot: (V,) int, any numbers that tell them apart.
    contestant: (V,) int, 0 <= contestant < number of contestants.
    correct: (V,) float, 1 if the reasoning was judged correct, 0 if flawed, nan if the voter could not tell.
    best: (V,) float, 1 for the slot picked as best and 0 for the others, ½ for all in a tie, nan without a pick.
    """

    battle: Ints
    ballot: Ints
    contestant: Ints
    correct: Floats
    best: Floats

    def take(self, rows: Bools) -> Self:
        return type(self)(
            self.battle[rows], self.ballot[rows], self.contestant[rows], self.correct[rows], self.best[rows]
        )


@dataclass(frozen=True)
class Outcomes:
    """R results of one contestant against another.

    battle, first, second: (R,) int; score: (R,) float, 1 if first won, 0 if second won, ½ for a tie.
    """

    battle: Ints
    first: Ints
    second: Ints
    score: Floats


def reasoning_outcomes(votes: Votes) -> Outcomes:
    """A win wherever one slot of a ballot was judged correct and another flawed.

    Two slots judged alike tell nothing apart: given that exactly one of two answers is right, which one it is depends
    only on the two contestants, not on how hard the question was or how strict the voter. This is the pairwise
    conditional likelihood of the Rasch model (Zwinderman 1995, doi:10.1177/014662169501900406).
    """
    first, second = _pairs(votes)
    differ = np.abs(votes.correct[first] - votes.correct[second]) == 1  # False for nan
    first, second = first[differ], second[differ]
    return Outcomes(votes.battle[first], votes.contestant[first], votes.contestant[second], votes.correct[first])


def preference_outcomes(votes: Votes) -> Outcomes:
    """The picked slot beats every other of its ballot; in a tie all pairs tie; two that were not picked say nothing.

    By Luce's choice axiom the odds of picking one of two slots do not depend on what else was on offer, so each of
    these pairs follows Bradley-Terry. That the pairs of a ballot are not independent is left to the clustering.
    """
    first, second = _pairs(votes)
    says = votes.best[first] + votes.best[second] == 1  # 1 + 0, 0 + 1 or ½ + ½; False for nan
    first, second = first[says], second[says]
    return Outcomes(votes.battle[first], votes.contestant[first], votes.contestant[second], votes.best[first])


def _pairs(votes: Votes) -> tuple[Ints, Ints]:
    """The rows of every two slots of the same ballot."""
    firsts, seconds = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    rows = np.arange(len(votes.ballot))
    for lag in range(1, len(rows)):
        same = np.flatnonzero(votes.ballot[lag:] == votes.ballot[:-lag])
        if not len(same):
            break
        firsts.append(rows[same])
        seconds.append(rows[same + lag])
    return np.concatenate(firsts), np.concatenate(seconds)
