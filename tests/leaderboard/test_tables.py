import numpy as np
import pytest

from arena.leaderboard.outcomes import Votes, preference_outcomes, reasoning_outcomes
from arena.leaderboard.tables import PairTables, RateTables, count_pairs, count_rates
from tests.leaderboard.simulation import simulated_votes, votes_of

STRENGTH = np.array([1.0, 0.4, 0.0, -0.4, -1.0])


def assert_same(one: PairTables, other: PairTables) -> None:
    for name in ("sums", "squares", "meetings", "battles", "total"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.across.keys() == other.across.keys()
    for pairs, products in one.across.items():
        np.testing.assert_array_equal(products, other.across[pairs])


@pytest.mark.parametrize("outcomes_of", [reasoning_outcomes, preference_outcomes])
def test_tables_rebuilt_equal_tables_kept_ballot_by_ballot(outcomes_of) -> None:  # type: ignore[no-untyped-def]
    votes = simulated_votes(STRENGTH, battles=20, slots=4, ballots=3, seed=1)
    tables = PairTables.empty(5)
    order = np.random.default_rng(2).permutation(np.unique(votes.ballot))
    seen = np.zeros(len(votes.ballot), bool)
    for ballot in order:
        battle = votes.battle == votes.battle[votes.ballot == ballot][0]
        before = count_pairs(outcomes_of(votes.take(seen & battle)), 5)
        seen |= votes.ballot == ballot
        tables = tables - before + count_pairs(outcomes_of(votes.take(seen & battle)), 5)
    assert_same(tables, count_pairs(outcomes_of(votes), 5))


def test_tables_of_different_battles_add_up() -> None:
    votes = simulated_votes(STRENGTH, battles=30, slots=3, ballots=2, seed=3)
    early = votes.battle < 11
    halves = [count_pairs(reasoning_outcomes(votes.take(half)), 5) for half in (early, ~early)]
    assert_same(halves[0] + halves[1], count_pairs(reasoning_outcomes(votes), 5))


def test_rate_tables_add_up() -> None:
    votes = simulated_votes(STRENGTH, battles=30, slots=3, ballots=2, seed=3)
    early = votes.battle < 11
    whole, parts = count_rates(votes, 5), count_rates(votes.take(early), 5) + count_rates(votes.take(~early), 5)
    np.testing.assert_array_equal(whole.sums, parts.sums)
    np.testing.assert_array_equal(
        (whole - count_rates(votes.take(early), 5)).squares, (parts.squares - count_rates(votes.take(early), 5).squares)
    )
    np.testing.assert_array_equal(whole.battles, parts.battles)


def test_sums_count_scores_ties_and_ballots_of_a_pair() -> None:
    votes = votes_of([(0, {0: 1, 1: 0}, 0), (0, {0: 1, 1: 0}, -1), (1, {1: 1, 0: 0}, 1)])
    tables = count_pairs(preference_outcomes(votes), 2)
    score, ties, ballots = tables.both_ways()
    assert score.tolist() == [[0, 1.5], [1.5, 0]]
    assert (ties.tolist(), ballots.tolist()) == ([[0, 1], [1, 0]], [[0, 3], [3, 0]])
    assert tables.wins().tolist() == [[0, 1], [1, 0]]
    assert (tables.meetings[0, 1], tables.battles.tolist(), tables.total) == (2, [2, 2], 2)


def test_squares_keep_what_clustering_needs() -> None:
    votes = votes_of([(0, {0: 1, 1: 0}, None), (0, {0: 1, 1: 0}, None), (1, {0: 0, 1: 1}, None)])
    tables = count_pairs(reasoning_outcomes(votes), 2)
    # Battle 0: s = 2, n = 2. Battle 1: s = 0, n = 1.
    assert tables.squares[0, 1].tolist() == [[4, 0, 4], [0, 0, 0], [4, 0, 5]]
    assert tables.across == {}


def test_pairs_that_meet_in_one_battle_are_kept_together() -> None:
    votes = votes_of([(0, {0: 1, 1: 0, 2: 0}, None)])
    tables = count_pairs(reasoning_outcomes(votes), 3)
    assert list(tables.across) == [(0, 1, 0, 2)]
    assert tables.across[0, 1, 0, 2].tolist() == [[1, 0, 1], [0, 0, 0], [1, 0, 1]]


def test_voters_who_cannot_tell_leave_the_rate_alone() -> None:
    votes = votes_of([(0, {0: 1, 1: np.nan}, None), (0, {0: 0, 1: np.nan}, None)])
    tables = count_rates(votes, 2)
    assert (tables.sums.tolist(), tables.battles.tolist()) == ([[1, 2], [0, 0]], [1, 0])


def test_tables_of_nothing_are_empty() -> None:
    nothing: Votes = votes_of([])
    assert_same(count_pairs(reasoning_outcomes(nothing), 2), PairTables.empty(2))
    rates: RateTables = count_rates(nothing, 2)
    assert rates.sums.tolist() == [[0, 0], [0, 0]]
