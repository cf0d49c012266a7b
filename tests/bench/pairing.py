"""How many ballots it takes until the top three of ten are told apart: drawn as the arena does, and uniformly.

No arena runs: voters are drawn from a known truth, and the arena's own code counts their ballots, fits the board, plans
the next battles and draws them. Each battle has two contestants and one ballot.
"""

from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from multiprocessing import get_context
from random import Random
from statistics import fmean, median

import numpy as np

from arena.battles.drawing import Aim, Candidate, aim_at, draw
from arena.leaderboard import ratings
from arena.leaderboard.aiming import plan
from arena.leaderboard.outcomes import Floats, Outcomes, Votes, reasoning_outcomes
from arena.leaderboard.tables import PairTables, count_pairs
from tests.bench.rows import Row

SIZE = 10
TOP = 3
SEEDS = 20
LEVEL = 0.95
# The board is looked at, and the next battles planned, after so many battles, later after a share of those so far.
LOOK_AFTER = 10
LOOK_SHARE = 0.02
# Nobody waits for so many ballots.
GIVES_UP_AFTER = 200_000
# Of the normal mixture of the confidence sequence: the gap in log-odds that it is the most sensitive to.
MIXED_GAP = 0.5

COLUMNS = {
    "strengths": "strengths (log-odds)",
    "votes": "votes",
    "told_apart_by": "told apart by",
    "seeds": "seeds",
    "uniform_ballots": "uniform",
    "aimed_ballots": "aimed",
    "uniform_per_aimed": "uniform/aimed",
    "uniform_right_percent": "uniform right %",
    "aimed_right_percent": "aimed right %",
    "least_battles": "least battles",
    "least_share_percent": "least share %",
}

STRENGTHS: dict[str, Floats] = {
    "even steps of 0.4": -0.4 * np.arange(SIZE),
    "even steps of 0.25": -0.25 * np.arange(SIZE),
    "top apart from the rest": np.array([2.0, 1.6, 1.2, 0.5, 0.3, 0.0, -0.3, -0.5, -0.8, -1.0]),
    "close top": np.array([0.6, 0.4, 0.1, -0.2, -0.3, -0.4, -0.5, -0.6, -0.7, -0.8]),
}
PICKS, VERDICTS = "best pick", "verdicts"
# The first is what the aim is about. Verdicts that are alike say nothing, and so take more ballots.
KINDS = (*((name, PICKS) for name in STRENGTHS), ("even steps of 0.4", VERDICTS))
# By what the top is told apart: see `_sequence_tells` and `_board_tells`.
SEQUENCE, BOARD = "confidence sequence", "the board's ranges"


@dataclass(frozen=True)
class Trial:
    """How many ballots it took by each of the two rules, who was drawn how often by the end of the longer, and whether
    the order that was claimed is true."""

    ballots: dict[str, int]
    is_right: dict[str, bool]
    least_battles: int
    least_share: float


def measure_pairing(seeds: int = SEEDS) -> list[Row]:
    """Some minutes: each kind of arena is simulated `seeds` times either way, on all cores."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        return [row for strengths, votes in KINDS for row in compare(pool, strengths, votes, seeds)]


def compare(pool: Executor, strengths: str, votes: str, seeds: int) -> list[Row]:
    """A row for each rule by which the top may be told apart."""
    truth = STRENGTHS[strengths]
    uniform = list(pool.map(trial, repeat(truth, seeds), repeat(votes), repeat(False), range(seeds)))
    aimed = list(pool.map(trial, repeat(truth, seeds), repeat(votes), repeat(True), range(seeds)))
    kind: Row = {"strengths": strengths, "votes": votes, "seeds": seeds}
    is_aim = (strengths, votes) == KINDS[0]
    return [kind | _row(rule, uniform, aimed) | {"is_aim": is_aim and rule == SEQUENCE} for rule in RULES]


def _row(rule: str, uniform: Sequence[Trial], aimed: Sequence[Trial]) -> Row:
    one, other = ([trial.ballots[rule] for trial in trials] for trials in (uniform, aimed))
    return {
        "told_apart_by": rule,
        "uniform_ballots": round(fmean(one)),
        "aimed_ballots": round(fmean(other)),
        "uniform_ballots_p50": round(median(one)),
        "aimed_ballots_p50": round(median(other)),
        "uniform_per_aimed": round(fmean(one) / fmean(other), 2),
        "aimed_per_uniform": round(fmean(other) / fmean(one), 3),
        "uniform_right_percent": _percent(uniform, rule),
        "aimed_right_percent": _percent(aimed, rule),
        "least_battles": min(trial.least_battles for trial in aimed),
        "least_share_percent": round(100 * min(trial.least_share for trial in aimed), 1),
    }


def trial(truth: Floats, votes: str, is_aimed: bool, seed: int) -> Trial:
    """One arena, from its first ballot until the top three are told apart by either rule."""
    voters, random = np.random.default_rng(seed), Random(seed)
    tables, aim, fitted = PairTables.empty(len(truth)), Aim(newcomers=range(len(truth))), None
    drawn = np.zeros(len(truth), np.int64)
    ballots = 0
    told: dict[str, int] = {}
    right: dict[str, bool] = {}
    while len(told) < len(RULES) and ballots < GIVES_UP_AFTER:
        number = max(LOOK_AFTER, round(LOOK_SHARE * ballots))
        seated = _drawn(len(truth), number, aim if is_aimed else None, random)
        np.add.at(drawn, seated.ravel(), 1)
        tables += count_pairs(_voted(truth, seated, votes, ballots, voters), len(truth))
        ballots += number
        fitted = ratings.fit(tables, start=fitted.strength if fitted else None)
        for rule, tells in RULES.items():
            if rule not in told and tells(fitted, tables):
                told[rule], right[rule] = ballots, _is_right(fitted, truth)
        if is_aimed:
            aim = _aim(tables, fitted)
    gave_up = dict.fromkeys(RULES, ballots)
    share = float(drawn.min() / drawn.sum())
    return Trial(gave_up | told, dict.fromkeys(RULES, False) | right, int(drawn.min()), share)


def _drawn(size: int, number: int, aim: Aim | None, random: Random) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """(number, 2): who sits where."""
    everybody = [Candidate(key) for key in range(size)]
    battles = (draw(everybody, 2, aim=aim, random=random) or [] for _ in range(number))
    return np.array([[one.key for one in battle] for battle in battles])


def _voted(
    truth: Floats,
    seated: np.ndarray[tuple[int, int], np.dtype[np.int64]],
    votes: str,
    first_battle: int,
    voters: np.random.Generator,
) -> Outcomes:
    """Best picks follow Bradley and Terry; verdicts Rasch, each battle with a difficulty of its own."""
    number = len(seated)
    battle = first_battle + np.arange(number)
    if votes == PICKS:
        chance = 1 / (1 + np.exp(truth[seated[:, 1]] - truth[seated[:, 0]]))
        return Outcomes(battle, seated[:, 0], seated[:, 1], (voters.random(number) < chance).astype(float))
    difficulty = voters.normal(size=(number, 1))
    correct = (voters.random((number, 2)) < 1 / (1 + np.exp(difficulty - truth[seated]))).astype(float)
    ballot = np.repeat(battle, 2)
    return reasoning_outcomes(Votes(ballot, ballot, seated.ravel(), correct.ravel(), np.full(2 * number, np.nan)))


def _aim(tables: PairTables, fitted: ratings.Fit) -> Aim:
    """As `arena.leaderboard.services` writes it and `arena.battles.pairing` reads it."""
    shares = plan(tables, fitted, np.arange(tables.size))
    pairs = [(int(i), int(j), float(shares[i, j])) for i, j in zip(*np.nonzero(shares), strict=True)]
    return aim_at(pairs, np.flatnonzero(tables.battles < ratings.ENOUGH_BATTLES).tolist())


def _sequence_tells(fitted: ratings.Fit, tables: PairTables) -> bool:
    """An anytime-valid confidence sequence for each difference that places one among the top three: however often one
    looks, the chance of ever telling two apart wrongly is at most 5 %, over all pairs (Bonferroni).

    The normal mixture of Robbins (1970, doi:10.1214/aoms/1177696786), with the estimated variance as in Waudby-Smith et
    al. (2024, arXiv:2103.06476).
    """
    i, j = np.triu_indices(len(fitted.strength), 1)
    variance = fitted.covariance[i, i] + fitted.covariance[j, j] - 2 * fitted.covariance[i, j]
    if (tables.battles < ratings.ENOUGH_BATTLES).any() or np.isnan(variance).any():
        return False
    place = np.argsort(np.argsort(-fitted.strength))
    matters = np.minimum(place[i], place[j]) < TOP
    ratio = MIXED_GAP**2 / variance
    bound = (1 + ratio) / ratio * np.log((1 + ratio) * (len(i) / (1 - LEVEL)) ** 2)
    distance = (fitted.strength[i] - fitted.strength[j]) ** 2 / variance
    return bool((distance > bound)[matters].all())


def _board_tells(fitted: ratings.Fit, tables: PairTables) -> bool:
    """The leaderboard shows one place for each of the top three, no range. For one look: so it is wrong more often."""
    spans = ratings.rank_ranges(fitted, tables.battles, level=LEVEL)
    return {(place, place) for place in range(1, TOP + 1)} <= set(spans)


RULES = {SEQUENCE: _sequence_tells, BOARD: _board_tells}


def _is_right(fitted: ratings.Fit, truth: Floats) -> bool:
    return bool((np.argsort(-fitted.strength)[:TOP] == np.argsort(-truth)[:TOP]).all())


def _percent(trials: Sequence[Trial], rule: str) -> float:
    """Of the claims, those that were true."""
    return round(100 * fmean(trial.is_right[rule] for trial in trials), 1)
