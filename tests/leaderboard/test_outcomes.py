import numpy as np

from arena.leaderboard.outcomes import Outcomes, preference_outcomes, reasoning_outcomes
from tests.leaderboard.simulation import votes_of


def listed(outcomes: Outcomes) -> list[tuple[int, int, float]]:
    return list(zip(outcomes.first.tolist(), outcomes.second.tolist(), outcomes.score.tolist(), strict=True))


def test_correct_reasoning_beats_flawed_reasoning() -> None:
    votes = votes_of([(0, {4: 1, 7: 0}, None), (0, {4: 0, 7: 1}, None)])
    assert listed(reasoning_outcomes(votes)) == [(4, 7, 1.0), (4, 7, 0.0)]


def test_slots_judged_alike_or_not_judged_say_nothing() -> None:
    votes = votes_of([(0, {0: 1, 1: 1}, 0), (1, {0: 0, 1: 0}, 0), (2, {0: np.nan, 1: 1}, 0), (3, {0: 0, 1: np.nan}, 0)])
    assert listed(reasoning_outcomes(votes)) == []


def test_every_pair_of_a_battle_of_three_counts() -> None:
    votes = votes_of([(0, {0: 1, 1: 0, 2: 1}, 2)])
    assert listed(reasoning_outcomes(votes)) == [(0, 1, 1.0), (1, 2, 0.0)]
    assert listed(preference_outcomes(votes)) == [(1, 2, 0.0), (0, 2, 0.0)]


def test_tie_ties_all_pairs() -> None:
    votes = votes_of([(0, {0: 1, 1: 1, 2: 1}, -1)])
    assert listed(preference_outcomes(votes)) == [(0, 1, 0.5), (1, 2, 0.5), (0, 2, 0.5)]


def test_ballot_without_a_pick_has_no_preference() -> None:
    assert listed(preference_outcomes(votes_of([(0, {0: 1, 1: 0}, None)]))) == []


def test_ballots_of_the_same_battle_are_not_mixed() -> None:
    votes = votes_of([(0, {0: 1, 1: 1}, None), (0, {0: 0, 1: 0}, None)])
    assert listed(reasoning_outcomes(votes)) == []


def test_no_votes_no_outcomes() -> None:
    assert listed(reasoning_outcomes(votes_of([]))) == listed(preference_outcomes(votes_of([]))) == []
