"""Which battles would tell the top of a board apart soonest. Arrays in, arrays out; no Django here.

The top is told apart when each of its contrasts is: the first against the second, the second against the third, the
third against everybody below. A contrast is known the better the smaller r = variance / gap² is: 1/r is the square of
the distance in standard errors. The next battles go to the pairs that bring down Σ r^POWER most. With a high power that
is nearly the worst r alone, which is what a claim about all of them has to wait for; so the shares come close to the
best ones that there are for known gaps (Fiez, Jain, Jamieson and Ratliff 2019, arXiv:1906.08399).
"""

import numpy as np

from arena.leaderboard.outcomes import Floats, Ints
from arena.leaderboard.ratings import PRIOR, Fit, probabilities
from arena.leaderboard.tables import PairTables

# So many places are told apart first, then one after the other below them.
TOP = 3
# A contrast of so many standard errors waits for nothing any more, whatever the test.
SETTLED = 5.0
# Who is closer than this in log-odds, 17 points, may stay tied: more and more battles would not be worth it.
LEAST_GAP = 0.1
POWER = 4
# The next battles are planned in so many steps, which together are this share of the battles so far.
STEPS = 40
AHEAD = 0.1
# Of many contestants those are compared whose contrasts are known worst, so that a plan never takes long.
MAX_CONTRASTS = 24


def plan(tables: PairTables, fitted: Fit, playing: Ints) -> Floats:
    """(P, P) float, above the diagonal: the share of the next battles that each pair of those who play should have.

    playing: (P,) int, the contestants that may be drawn, as indices into `tables`, -1 for who is not in there. All
    zero if there is nothing to tell, or all is told.
    """
    shares = np.zeros((len(playing), len(playing)))
    if len(playing) < 2 or not tables.total:
        return shares
    strength, weight, covariance = _what_is_known(tables, fitted, playing)
    contrasts = _unsettled(strength, covariance)
    if not len(contrasts):
        return shares
    size = max(STEPS, AHEAD * tables.total) / STEPS
    gaps = np.maximum(np.abs(strength[contrasts[:, 0]] - strength[contrasts[:, 1]]), LEAST_GAP)
    i, j = _pairs_of(np.unique(contrasts))
    for _ in range(STEPS):
        best, covariance = _best_battle(covariance, contrasts, gaps, i, j, size * weight[i, j])
        shares[i[best], j[best]] += 1 / STEPS
    return shares


def _what_is_known(tables: PairTables, fitted: Fit, playing: Ints) -> tuple[Floats, Floats, Floats]:
    """Of those who play: (P,) strengths, (P, P) what one battle of a pair tells, (P, P) covariance of the strengths.

    The covariance is the model's, with each battle counted once, however many judged it, and with the pseudo-battles of
    `ratings.fit` between all: unlike the sandwich it is finite for who was compared with nobody yet, and steady for who
    was in a handful of battles. Groups are laid over each other at their means.
    """
    size = tables.size
    place = np.where(playing < 0, size + np.cumsum(playing < 0) - 1, playing)
    full = int(size + (playing < 0).sum())
    strength, met = np.zeros(full), np.zeros((full, full))
    strength[:size] = np.nan_to_num(fitted.strength)
    met[:size, :size] = tables.meetings + tables.meetings.T
    tie = float(fitted.tie[0]) if len(fitted.tie) else 0.0
    win, tied = probabilities(strength, np.log(tie) if tie else -np.inf)
    weight = win + tied / 4 - (win + tied / 2) ** 2  # the variance of one result
    counted = (met + PRIOR / (full - 1)) * weight
    np.fill_diagonal(counted, 0)
    information = np.diag(counted.sum(axis=1)) - counted + 1 / full
    chosen = np.ix_(place, place)
    return strength[place], weight[chosen], np.linalg.inv(information)[chosen]


def _unsettled(strength: Floats, covariance: Floats) -> Ints:
    """(C, 2): the contrasts of the top, which reaches down to the first place that is not told apart; at most
    MAX_CONTRASTS, the worst known ones. None if everybody is told apart."""
    order = np.argsort(-strength, kind="stable")
    for top in range(min(TOP, len(order) - 1), len(order)):
        above = [(order[place], order[place + 1]) for place in range(top - 1)]
        below = [(order[top - 1], other) for other in order[top:]]
        contrasts = np.array(above + below)
        i, j = contrasts.T
        variance = covariance[i, i] + covariance[j, j] - 2 * covariance[i, j]
        ratio = variance / np.maximum(np.abs(strength[i] - strength[j]), LEAST_GAP) ** 2
        if ratio.max() > SETTLED**-2:
            return contrasts[np.argsort(-ratio, kind="stable")[:MAX_CONTRASTS]]
    return np.empty((0, 2), np.int64)


def _pairs_of(contestants: Ints) -> tuple[Ints, Ints]:
    first, second = np.triu_indices(len(contestants), 1)
    return contestants[first], contestants[second]


def _best_battle(
    covariance: Floats, contrasts: Ints, gaps: Floats, i: Ints, j: Ints, weight: Floats
) -> tuple[int, Floats]:
    """Which of the pairs (i, j) brings Σ r^POWER down most, and the covariance after it.

    A battle of i and j that tells `weight` takes v vᵀ weight / (1 + weight · var(i - j)) off the covariance, with v its
    covariance with the difference of the two (Sherman and Morrison 1950, doi:10.1214/aoms/1177729893).
    """
    a, b = contrasts.T
    variance = covariance[a, a] + covariance[b, b] - 2 * covariance[a, b]
    with_pairs = (covariance[a][:, i] - covariance[a][:, j]) - (covariance[b][:, i] - covariance[b][:, j])
    gain = weight / (1 + weight * (covariance[i, i] + covariance[j, j] - 2 * covariance[i, j]))
    ratio = variance / gaps**2
    after = ratio[:, None] - with_pairs**2 * gain / gaps[:, None] ** 2
    worst = ratio.max()
    best = int((((after / worst) ** POWER).sum(axis=0)).argmin())
    v = covariance[:, i[best]] - covariance[:, j[best]]
    return best, covariance - np.outer(v, v) * gain[best]
