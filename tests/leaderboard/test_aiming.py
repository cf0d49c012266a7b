"""Which pairs the next battles go to: where the top is not told apart, and nowhere once it is."""

import time

import numpy as np
import pytest

from arena.leaderboard import ratings
from arena.leaderboard.aiming import LEAST_GAP, MAX_CONTRASTS, SETTLED, STEPS, plan
from arena.leaderboard.outcomes import Floats, Ints, Outcomes, preference_outcomes
from arena.leaderboard.tables import PairTables, count_pairs
from tests.leaderboard.simulation import simulated_votes

STEEP = -0.5 * np.arange(8)


def counted(strength: Floats, battles: int, *, seed: int = 0) -> PairTables:
    votes = simulated_votes(strength, battles=battles, slots=2, ballots=1, seed=seed)
    return count_pairs(preference_outcomes(votes), len(strength))


def expected(strength: Floats, battles: int) -> PairTables:
    """So many of each pair, won as often as the strengths say."""
    i, j = np.triu_indices(len(strength), 1)
    first, second = np.repeat(i, battles), np.repeat(j, battles)
    wins = np.tile(np.arange(battles), len(i)) < battles / (1 + np.exp(strength[second] - strength[first])) - 0.5
    return count_pairs(Outcomes(np.arange(len(first)), first, second, wins.astype(float)), len(strength))


def planned(tables: PairTables, playing: Ints | None = None) -> Floats:
    return plan(tables, ratings.fit(tables), np.arange(tables.size) if playing is None else playing)


def test_all_shares_are_of_pairs_and_make_a_whole() -> None:
    shares = planned(counted(STEEP, 300))
    assert shares.sum() == pytest.approx(1)
    assert shares.min() >= 0
    assert np.tril(shares).sum() == 0


def test_next_battles_are_among_the_top() -> None:
    shares = planned(expected(STEEP, 40))
    assert shares[:5, :5].sum() > 0.95
    assert shares[0, 1] > 0.15
    assert shares[1, 2] > 0.15


def test_closest_of_the_top_are_compared_most() -> None:
    shares = planned(expected(np.array([2.0, 1.9, 1.0, 0.0, -1.0]), 40))
    assert shares[0, 1] > 0.8


def test_names_do_not_matter() -> None:
    tables, order = counted(STEEP, 400), np.random.default_rng(3).permutation(8)
    renamed = planned(tables, order)
    both_ways = planned(tables) + planned(tables).T
    assert np.allclose(renamed + renamed.T, both_ways[np.ix_(order, order)])


def test_who_is_out_of_play_is_left_out_and_the_next_ones_are_the_top() -> None:
    playing = np.array([2, 3, 4, 5, 6, 7])
    shares = planned(expected(STEEP, 40), playing)
    assert shares[:5, :5].sum() > 0.95
    assert shares[0, 1] > 0.15


def test_newcomer_without_a_result_may_be_among_the_top() -> None:
    shares = planned(expected(STEEP, 100), np.array([0, 1, 2, 3, -1]))
    assert shares[:, 4].sum() > 0.5


def test_groups_that_never_met_are_brought_together() -> None:
    pairs = np.array([(0, 1), (2, 3)] * 40)
    tables = count_pairs(Outcomes(np.arange(80), pairs[:, 0], pairs[:, 1], np.arange(80) % 3 / 2), 4)
    shares = planned(tables)
    assert shares[:2, 2:].sum() > 0.5


def test_nothing_is_planned_before_there_is_a_result_or_with_nobody_to_meet() -> None:
    assert not planned(PairTables.empty(5)).any()
    assert not planned(counted(STEEP, 50), np.array([3])).any()
    assert not planned(counted(STEEP, 50), np.array([], dtype=np.int64)).any()


def test_two_are_a_pair() -> None:
    assert planned(counted(STEEP, 50), np.array([1, 6])) == pytest.approx(np.array([[0, 1], [0, 0]]))


def test_once_the_top_is_told_apart_the_places_below_are_next() -> None:
    strength = np.array([6.0, 4.5, 3.0, 1.5, 1.3, -0.2])
    shares = planned(expected(strength, 1500))
    assert shares[3, 4] > 0.8


def test_once_everybody_is_told_apart_nothing_is_aimed_at() -> None:
    strength = np.array([3.0, 1.0, -1.0, -3.0])
    assert not planned(expected(strength, 4 * int((SETTLED / LEAST_GAP) ** 0.5 * 100))).any()


def test_shares_come_close_to_the_best_there_are() -> None:
    """By brute force: no other split of many battles among three has a smaller worst r, but by a twentieth."""
    strength = np.array([0.7, 0.2, -0.9])
    tables = expected(strength, 60)
    fitted = ratings.fit(tables)
    ours = planned(tables)[np.triu_indices(3, 1)]
    gaps = fitted.strength[:2] - fitted.strength[1:]
    win = 1 / (1 + np.exp(fitted.strength[None, :] - fitted.strength[:, None]))
    told = (win * (1 - win))[np.triu_indices(3, 1)]

    def worst(split: Floats) -> float:
        a, b, c = (60 + STEPS * split) * told  # on 0-1, 0-2 and 1-2
        parallel = a * b + a * c + b * c
        return max((b + c) / parallel / gaps[0] ** 2, (a + b) / parallel / gaps[1] ** 2)

    grid = np.array([(x, y, 1 - x - y) for x in np.linspace(0, 1, 41) for y in np.linspace(0, 1 - x, 41)])
    best = min(worst(split) for split in grid)
    start = worst(np.zeros(3))
    assert start - worst(ours) > 0.95 * (start - best)


def test_hundred_contestants_are_planned_for_in_no_time() -> None:
    strength = np.linspace(1, -1, 100)
    tables = counted(strength, 2000)
    fitted = ratings.fit(tables)
    began_at = time.process_time()
    shares = plan(tables, fitted, np.arange(100))
    assert time.process_time() - began_at < 2
    assert len(np.unique(np.nonzero(shares))) <= MAX_CONTRASTS + 3
