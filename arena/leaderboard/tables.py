"""Additive count tables: all that the ratings need of the ballots, whatever their number. No Django here.

Counting is linear, so tables of different battles add up, in any order; the battle is the unit, because what several
people say about the same battle is not independent. To add a ballot to a battle that is counted already, take the old
tables of that battle off and put the new ones on.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from arena.leaderboard.outcomes import Floats, Ints, Outcomes, Votes

SCORE, TIES, BALLOTS = range(3)

# Two pairs of contestants that meet in the same battle: (i, j, k, l) with i < j, k < l and (i, j) < (k, l).
TwoPairs = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class PairTables:
    """For each battle and pair i < j let x = (score of i over j, ties, ballots), summed over the battle's ballots.

    sums: (M, M, 3) float, the sum of x over battles; only i < j is used, here and below.
    squares: (M, M, 3, 3) float, the sum of x xᵀ over battles: Σs², Σst, Σsn, …
    across: (3, 3) float for every two pairs that met in one battle, the sum of x yᵀ. Battles of two have none.
    meetings: (M, M) int, battles with an outcome on the pair.
    battles: (M,) int, battles with an outcome on the contestant.
    total: battles with any outcome.

    `across` is what makes the clustered covariance exact for three and more slots: the score vector of a battle is a
    sum over its pairs, so its outer product needs the products of different pairs too. A battle of six has 105.
    """

    sums: Floats
    squares: Floats
    across: dict[TwoPairs, Floats]
    meetings: Ints
    battles: Ints
    total: int

    @classmethod
    def empty(cls, size: int) -> Self:
        return cls(
            np.zeros((size, size, 3)),
            np.zeros((size, size, 3, 3)),
            {},
            np.zeros((size, size), np.int64),
            np.zeros(size, np.int64),
            0,
        )

    @property
    def size(self) -> int:
        return len(self.battles)

    def __add__(self, other: "PairTables") -> Self:
        return self._combined(other, 1)

    def __sub__(self, other: "PairTables") -> Self:
        return self._combined(other, -1)

    def _combined(self, other: "PairTables", sign: int) -> Self:
        across = dict(self.across)
        for pairs, products in other.across.items():
            across[pairs] = across[pairs] + sign * products if pairs in across else sign * products
            if across[pairs][BALLOTS, BALLOTS] == 0:
                del across[pairs]
        return type(self)(
            self.sums + sign * other.sums,
            self.squares + sign * other.squares,
            across,
            self.meetings + sign * other.meetings,
            self.battles + sign * other.battles,
            self.total + sign * other.total,
        )

    def both_ways(self) -> tuple[Floats, Floats, Floats]:
        """(M, M) each: the score of row over column (a tie is half a point), ties, and ballots."""
        score, ties, ballots = np.moveaxis(self.sums, 2, 0)
        return score + (ballots - score).T, ties + ties.T, ballots + ballots.T

    def wins(self) -> Floats:
        """(M, M): how often row beat column."""
        score, ties, _ = self.both_ways()
        return score - ties / 2


def count_pairs(outcomes: Outcomes, size: int) -> PairTables:
    """The tables of these outcomes among `size` contestants, O(number of outcomes)."""
    tables = PairTables.empty(size)
    if not len(outcomes.battle):
        return tables
    battle, pair, x = _by_battle_and_pair(outcomes, size)
    i, j = np.divmod(pair, size)
    np.add.at(tables.sums, (i, j), x)
    np.add.at(tables.squares, (i, j), x[:, :, None] * x[:, None, :])
    np.add.at(tables.meetings, (i, j), 1)
    present = np.unique(np.concatenate([np.column_stack([battle, i]), np.column_stack([battle, j])]), axis=0)
    np.add.at(tables.battles, present[:, 1], 1)
    _count_across(tables.across, battle, pair, x, size)
    return PairTables(
        tables.sums, tables.squares, tables.across, tables.meetings, tables.battles, len(np.unique(battle))
    )


def _by_battle_and_pair(outcomes: Outcomes, size: int) -> tuple[Ints, Ints, Floats]:
    """One row for each battle and pair, sorted: battle (G,), pair i * size + j with i < j (G,), x (G, 3)."""
    turned = outcomes.first > outcomes.second
    low = np.where(turned, outcomes.second, outcomes.first)
    high = np.where(turned, outcomes.first, outcomes.second)
    score = np.where(turned, 1 - outcomes.score, outcomes.score)
    keys, group = np.unique(np.column_stack([outcomes.battle, low * size + high]), axis=0, return_inverse=True)
    x = np.zeros((len(keys), 3))
    np.add.at(x, group.ravel(), np.column_stack([score, score == 0.5, np.ones_like(score)]))
    return keys[:, 0], keys[:, 1], x


def _count_across(across: dict[TwoPairs, Floats], battle: Ints, pair: Ints, x: Floats, size: int) -> None:
    for lag in range(1, len(battle)):
        same = np.flatnonzero(battle[lag:] == battle[:-lag])
        if not len(same):
            return
        keys, group = np.unique(np.column_stack([pair[same], pair[same + lag]]), axis=0, return_inverse=True)
        products = np.zeros((len(keys), 3, 3))
        np.add.at(products, group.ravel(), x[same][:, :, None] * x[same + lag][:, None, :])
        for (one, other), product in zip(keys.tolist(), products, strict=True):
            pairs = (*divmod(one, size), *divmod(other, size))
            across[pairs] = across[pairs] + product if pairs in across else product


@dataclass(frozen=True, eq=False)
class RateTables:
    """For each battle and contestant let x = (verdicts "correct", verdicts "correct" or "flawed").

    sums: (M, 2) float, the sum of x over battles. squares: (M, 2, 2) float, the sum of x xᵀ. battles: (M,) int.
    """

    sums: Floats
    squares: Floats
    battles: Ints

    def __add__(self, other: "RateTables") -> Self:
        return type(self)(self.sums + other.sums, self.squares + other.squares, self.battles + other.battles)

    def __sub__(self, other: "RateTables") -> Self:
        return type(self)(self.sums - other.sums, self.squares - other.squares, self.battles - other.battles)


def count_rates(votes: Votes, size: int) -> RateTables:
    """The tables of these votes; those of voters who could not tell are left out."""
    decided = votes.take(~np.isnan(votes.correct))
    keys, group = np.unique(np.column_stack([decided.battle, decided.contestant]), axis=0, return_inverse=True)
    x = np.zeros((len(keys), 2))
    np.add.at(x, group.ravel(), np.column_stack([decided.correct, np.ones_like(decided.correct)]))
    tables = RateTables(np.zeros((size, 2)), np.zeros((size, 2, 2)), np.zeros(size, np.int64))
    np.add.at(tables.sums, keys[:, 1], x)
    np.add.at(tables.squares, keys[:, 1], x[:, :, None] * x[:, None, :])
    np.add.at(tables.battles, keys[:, 1], 1)
    return tables
