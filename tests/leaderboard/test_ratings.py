import math
from itertools import combinations

import choix
import numpy as np
import pytest

from arena.leaderboard.outcomes import Floats, Outcomes, Votes, preference_outcomes, reasoning_outcomes
from arena.leaderboard.ratings import (
    MEAN,
    SCALE,
    Fit,
    comparison_groups,
    correct_rates,
    fit,
    intervals,
    rank_ranges,
    ranks,
    ratings,
)
from arena.leaderboard.tables import PairTables, count_pairs, count_rates
from tests.leaderboard.simulation import simulated_votes, votes_of

STRENGTH = np.array([0.9, 0.3, 0.0, -0.3, -0.9])


def results(*rows: tuple[int, int, float]) -> Outcomes:
    """(first, second, score), each in a battle of its own."""
    first, second, score = (np.array(column) for column in zip(*rows, strict=True))
    return Outcomes(np.arange(len(rows)), first, second, score.astype(float))


def reasoning(votes: Votes, size: int) -> PairTables:
    return count_pairs(reasoning_outcomes(votes), size)


def preference(votes: Votes, size: int) -> PairTables:
    return count_pairs(preference_outcomes(votes), size)


def standard_errors(fitted: Fit) -> Floats:
    return np.sqrt(np.diag(fitted.covariance))


@pytest.mark.parametrize(("wins", "losses"), [(7, 3), (1, 1), (5, 0), (0, 40)])
def test_two_contestants_follow_the_closed_form(wins: int, losses: int) -> None:
    fitted = fit(count_pairs(results(*[(0, 1, 1)] * wins, *[(0, 1, 0)] * losses), 2))
    difference = fitted.strength[0] - fitted.strength[1]
    assert difference == pytest.approx(math.log((wins + 0.5) / (losses + 0.5)))


def test_two_contestants_have_the_closed_form_error() -> None:
    """Without the prior the sandwich of independent battles is K/(K-1) times the inverse information."""
    fitted = fit(count_pairs(results(*[(0, 1, 1)] * 30, *[(0, 1, 0)] * 20), 2), prior=1e-12)
    variance = fitted.covariance[0, 0] + fitted.covariance[1, 1] - 2 * fitted.covariance[0, 1]
    assert variance == pytest.approx(50 / 49 * (1 / 30 + 1 / 20))


def test_ties_between_two_contestants_follow_davidsons_closed_form() -> None:
    """w wins, l losses and t ties are fitted exactly: d = log(w / l), ν = t / sqrt(w l)."""
    rows = [*[(0, 1, 1)] * 20, *[(0, 1, 0)] * 5, *[(0, 1, 0.5)] * 10]
    fitted = fit(count_pairs(results(*rows), 2), prior=1e-12)
    assert fitted.strength[0] - fitted.strength[1] == pytest.approx(math.log(20 / 5))
    assert fitted.tie[0] == pytest.approx(10 / math.sqrt(20 * 5))


def test_only_ties_mean_equal_strength() -> None:
    fitted = fit(count_pairs(results(*[(0, 1, 0.5)] * 9), 2))
    assert fitted.strength == pytest.approx([0, 0])
    assert np.isfinite(fitted.tie[0])


def test_equal_results_give_equal_strengths_and_errors() -> None:
    rows = [(i, j, score) for i, j in combinations(range(4), 2) for score in (0, 1)]
    fitted = fit(count_pairs(results(*rows), 4))
    assert fitted.strength == pytest.approx([0] * 4, abs=1e-9)
    assert standard_errors(fitted) == pytest.approx([standard_errors(fitted)[0]] * 4)
    assert ranks(fitted) == [1, 1, 1, 1]


def test_agrees_with_choix() -> None:
    random = np.random.default_rng(5)
    pairs = [random.choice(6, 2, replace=False) for _ in range(400)]
    games = [(int(i), int(j)) if random.random() < 1 / (1 + 2.0 ** (i - j)) else (int(j), int(i)) for i, j in pairs]
    fitted = fit(count_pairs(results(*[(winner, loser, 1) for winner, loser in games]), 6), prior=1e-9)
    assert fitted.strength == pytest.approx(choix.opt_pairwise(6, games), abs=1e-4)


def test_order_of_the_battles_does_not_matter() -> None:
    votes = simulated_votes(STRENGTH, battles=50, slots=3, ballots=2, seed=6)
    order = np.random.default_rng(7).permutation(50)
    shuffled = [votes.take(votes.battle == battle) for battle in order]
    columns = [np.concatenate([getattr(part, name) for part in shuffled]) for name in Votes.__dataclass_fields__]
    one, other = fit(preference(votes, 5)), fit(preference(Votes(*columns), 5))
    assert one.strength == pytest.approx(other.strength)
    assert one.covariance == pytest.approx(other.covariance)


def test_numbering_of_the_contestants_does_not_matter() -> None:
    votes = simulated_votes(STRENGTH, battles=50, slots=3, ballots=2, seed=8)
    number = np.array([3, 0, 4, 1, 2])
    renumbered = Votes(votes.battle, votes.ballot, number[votes.contestant], votes.correct, votes.best)
    one, other = fit(preference(votes, 5)), fit(preference(renumbered, 5))
    assert one.strength == pytest.approx(other.strength[number])
    assert one.covariance == pytest.approx(other.covariance[np.ix_(number, number)])


def test_warm_start_leads_to_the_same_place() -> None:
    tables = preference(simulated_votes(STRENGTH, battles=60, slots=2, ballots=1, seed=9), 5)
    assert fit(tables, start=np.array([5.0, -5, 3, np.nan, 0])).strength == pytest.approx(fit(tables).strength)


def test_contestant_who_never_lost_is_finite_and_uncertain() -> None:
    rows = [*[(0, 1, 1)] * 10, *[(0, 2, 1)] * 10, *[(1, 2, 1)] * 5, *[(1, 2, 0)] * 5]
    fitted = fit(count_pairs(results(*rows), 3))
    assert np.isfinite(fitted.strength).all()
    assert standard_errors(fitted)[0] > 1.5 * standard_errors(fitted)[1] > 0.3


def test_five_ballots_on_one_battle_do_not_count_as_five_battles() -> None:
    pattern = [1.0, 1.0, 0.0] * 20
    once = [(battle, {0: right, 1: 1 - right}, None) for battle, right in enumerate(pattern)]
    team = [ballot for ballot in once for _ in range(5)]
    apart = [(number, verdicts, best) for number, (_, verdicts, best) in enumerate(team)]
    # The prior is one pseudo-battle whatever the number of ballots: left out, it would blur the comparison.
    alone, together, five = (fit(reasoning(votes_of(ballots), 2), prior=1e-9) for ballots in (once, team, apart))
    assert standard_errors(together)[0] == pytest.approx(standard_errors(alone)[0])
    assert standard_errors(five)[0] == pytest.approx(standard_errors(alone)[0] / math.sqrt(5), rel=0.01)


@pytest.mark.parametrize("board", [reasoning, preference])
@pytest.mark.parametrize("slots", [2, 3, 5])
def test_covariance_from_tables_equals_the_one_from_every_single_outcome(board, slots: int) -> None:  # type: ignore[no-untyped-def]
    """The sandwich written down directly: the score vector of each battle, from its outcomes, multiplied out."""
    votes = simulated_votes(STRENGTH, battles=40, slots=slots, ballots=2, seed=10, agreement=0.5)
    outcomes = (reasoning_outcomes if board is reasoning else preference_outcomes)(votes)
    fitted = fit(board(votes, 5), prior=1e-9)
    nu = fitted.tie[0]
    scores, information = {}, np.zeros((6, 6))
    for battle, i, j, score in zip(
        outcomes.battle.tolist(), outcomes.first, outcomes.second, outcomes.score, strict=True
    ):
        d = fitted.strength[i] - fitted.strength[j]
        win, lose = math.exp(d / 2), math.exp(-d / 2)
        chances = np.array([win, lose, nu]) / (win + lose + nu)
        gradients = np.zeros((3, 6))
        gradients[0, [i, j]], gradients[1, [i, j]], gradients[2, 5] = (0.5, -0.5), (-0.5, 0.5), 1
        mean = chances @ gradients
        outcome = {1.0: 0, 0.0: 1, 0.5: 2}[score]
        scores[battle] = scores.get(battle, 0) + gradients[outcome] - mean
        information += (gradients - mean).T @ np.diag(chances) @ (gradients - mean)
    clusters = len(scores)
    meat = sum(np.outer(score, score) for score in scores.values()) * clusters / (clusters - 1)
    bread = np.linalg.pinv(information, rcond=1e-10, hermitian=True)
    assert fitted.covariance == pytest.approx((bread @ meat @ bread)[:5, :5], abs=1e-6)


@pytest.mark.parametrize(
    ("board", "slots", "ballots", "agreement"),
    [(reasoning, 2, 1, 0.0), (reasoning, 4, 5, 0.8), (preference, 2, 5, 0.8), (preference, 3, 2, 0.5)],
)
def test_intervals_cover_the_truth(board, slots: int, ballots: int, agreement: float) -> None:  # type: ignore[no-untyped-def]
    """On average over contestants and 60 simulated arenas, 95 % intervals hold the truth 92 to 98 times in 100."""
    held = []
    for seed in range(60):
        votes = simulated_votes(STRENGTH, battles=200, slots=slots, ballots=ballots, seed=seed, agreement=agreement)
        low, high = intervals(fit(board(votes, 5)))
        truth = MEAN + SCALE * STRENGTH
        held.append((low <= truth) & (truth <= high))
    assert 0.92 <= np.mean(held) <= 0.98


def test_contestants_that_are_not_linked_are_not_compared() -> None:
    fitted = fit(count_pairs(results(*[(0, 1, 1)] * 3, *[(2, 3, 1)] * 3, (3, 4, 1)), 6))
    assert fitted.group.tolist() == [1, 1, 0, 0, 0, -1]
    assert np.isnan(fitted.strength[5])
    assert np.isnan(fitted.covariance[0, 2])
    assert ranks(fitted) == [1, 2, 1, 2, 3, None]
    for members in ([0, 1], [2, 3, 4]):
        assert ratings(fitted)[members].mean() == pytest.approx(MEAN)


def test_groups_are_numbered_by_size() -> None:
    linked = np.zeros((5, 5), bool)
    for i, j in [(0, 4), (1, 2), (2, 3)]:
        linked[i, j] = linked[j, i] = True
    assert comparison_groups(linked).tolist() == [1, 0, 0, 0, 1]


def test_nothing_counted_gives_no_ratings() -> None:
    fitted = fit(PairTables.empty(3))
    assert ranks(fitted) == rank_ranges(fitted, np.zeros(3, np.int64)) == [None] * 3
    assert fit(PairTables.empty(0)).strength.tolist() == []


def test_ranks_are_told_apart_only_where_the_battles_say_so() -> None:
    rows = [*[(0, 1, 1)] * 90, *[(0, 1, 0)] * 10, *[(0, 2, 1)] * 90, *[(0, 2, 0)] * 10]
    rows += [*[(1, 2, 1)] * 50, *[(1, 2, 0)] * 50]
    tables = count_pairs(results(*rows), 3)
    assert rank_ranges(fit(tables), tables.battles) == [(1, 1), (2, 3), (2, 3)]


def test_few_battles_tell_nobody_apart() -> None:
    tables = count_pairs(results(*[(0, 1, 1)] * 29), 2)
    assert rank_ranges(fit(tables), tables.battles) == [(1, 2), (1, 2)]


def test_equal_contestants_are_rarely_told_apart() -> None:
    """Family-wise: in at most about 5 % of arenas of six equals is any of the 15 pairs told apart."""
    mistakes = 0
    for seed in range(60):
        tables = preference(simulated_votes(np.zeros(6), battles=150, slots=3, ballots=2, seed=seed, agreement=0.5), 6)
        mistakes += any(span != (1, 6) for span in rank_ranges(fit(tables), tables.battles))
    assert mistakes <= 7


def test_rate_of_independent_verdicts_has_about_wilsons_interval() -> None:
    votes = votes_of([(battle, {0: float(battle % 4 > 0)}, None) for battle in range(100)])
    p, low, high = (values[0] for values in correct_rates(count_rates(votes, 1)))
    assert (p, low, high) == pytest.approx((0.75, 0.6570, 0.8246), abs=0.002)


def test_rate_with_no_exception_uses_the_number_of_battles() -> None:
    votes = votes_of([(battle, {0: 1.0}, None) for battle in range(10) for _ in range(5)])
    p, low, high = (values[0] for values in correct_rates(count_rates(votes, 1)))
    assert (p, low, high) == pytest.approx((1, 10 / (10 + 1.96**2), 1), abs=1e-4)


def test_rate_without_verdicts_is_unknown() -> None:
    assert all(np.isnan(values[0]) for values in correct_rates(count_rates(votes_of([]), 1)))


def test_rate_intervals_cover_the_truth_when_voters_agree() -> None:
    """Plain Wilson intervals, which take each verdict for independent, hold the truth far less often."""
    random = np.random.default_rng(11)
    held = []
    for _ in range(200):
        first = random.random(60) < 0.7
        verdicts = [
            (b, {0: float(first[b] if random.random() < 0.8 else random.random() < 0.7)}, None)
            for b in range(60)
            for _ in range(5)
        ]
        _, low, high = correct_rates(count_rates(votes_of(verdicts), 1))
        held.append(low[0] <= 0.7 <= high[0])
    assert 0.91 <= np.mean(held) <= 0.99
