"""Strengths, intervals and ranks from count tables. Arrays in, arrays out; no Django here.

The model is Bradley and Terry's (1952, doi:10.1093/biomet/39.3-4.324) with Davidson's ties (1970,
doi:10.1080/01621459.1970.10481082): with d = strength of i minus strength of j and tie parameter ν,

    Z = exp(d/2) + exp(-d/2) + ν,   P(i wins) = exp(d/2) / Z,   P(tie) = ν / Z.

Without ties ν is 0 and this is Bradley-Terry.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from arena.leaderboard.outcomes import Bools, Floats, Ints
from arena.leaderboard.tables import BALLOTS, SCORE, TIES, PairTables, RateTables

# Points for a factor e in the odds, so that 400 points are odds of 10 to 1, as in chess; the mean of a group is MEAN.
SCALE = 400 / math.log(10)
MEAN = 1000.0
# Below this many battles the normal approximation promises more than it can keep.
ENOUGH_BATTLES = 30
# Drawn pseudo-battles per contestant, spread over the others: see `fit`.
PRIOR = 1.0
_MAX_STEPS = 200
_TOLERANCE = 1e-10


@dataclass(frozen=True)
class Fit:
    """strength: (M,) float, natural log of the odds, mean 0 within a group, nan for who was never compared.

    covariance: (M, M) float, of the strengths; nan between groups, where nothing is known of the difference.
    group: (M,) int, contestants linked by comparisons share a number, 0 is the largest group; -1: never compared.
    tie: (number of groups,) float, Davidson's ν of each group.
    """

    strength: Floats
    covariance: Floats
    group: Ints
    tie: Floats


def fit(tables: PairTables, *, prior: float = PRIOR, start: Floats | None = None) -> Fit:
    """Estimate each group of contestants that are linked by comparisons; `start`: (M,) strengths of an earlier fit.

    Prior: each contestant is given `prior` drawn pseudo-battles (half a win each way), spread evenly over the others of
    its group. So one who never lost stays finite; for two contestants with w and l wins the difference is
    log((w + ½) / (l + ½)), which also takes off most of the bias. It fades as 1 / battles.
    """
    size = tables.size
    group = comparison_groups(tables.meetings + tables.meetings.T > 0)
    strength, covariance = np.full(size, np.nan), np.full((size, size), np.nan)
    ties = []
    for number in range(group.max(initial=-1) + 1):
        members = np.flatnonzero(group == number)
        model = _Model.of(tables, members, prior)
        first = np.zeros(len(members)) if start is None else np.nan_to_num(start[members])
        theta, tie = model.solve(first - first.mean())
        strength[members] = theta
        covariance[np.ix_(members, members)] = model.covariance(tables, members, theta, tie)
        ties.append(tie)
    return Fit(strength, covariance, group, np.array(ties))


def comparison_groups(linked: Bools) -> Ints:
    """(M, M) bool, who was compared with whom -> (M,) int: connected components by size, -1 for who has no link."""
    size = len(linked)
    label = np.full(size, -1)
    found: list[list[int]] = []
    for seed in range(size):
        if label[seed] >= 0 or not linked[seed].any():
            continue
        members, waiting = [], [seed]
        label[seed] = len(found)
        while waiting:
            one = waiting.pop()
            members.append(one)
            news = np.flatnonzero(linked[one] & (label < 0))
            label[news] = len(found)
            waiting.extend(news.tolist())
        found.append(members)
    group = np.full(size, -1)
    for number, members in enumerate(sorted(found, key=lambda members: (-len(members), min(members)))):
        group[members] = number
    return group


@dataclass(frozen=True)
class _Model:
    """The penalised likelihood of one group. Arrays are (m, m), as PairTables.both_ways gives them."""

    score: Floats
    ties: Floats
    ballots: Floats
    pseudo: float

    @classmethod
    def of(cls, tables: PairTables, members: Ints, prior: float) -> "_Model":
        score, ties, ballots = (table[np.ix_(members, members)] for table in tables.both_ways())
        pseudo = prior / (len(members) - 1)
        others = 1 - np.eye(len(members))
        return cls(score + pseudo / 2 * others, ties, ballots + pseudo * others, pseudo)

    def solve(self, theta: Floats) -> tuple[Floats, float]:
        """Damped Newton: the step is halved until the log-likelihood, which is concave, does not fall."""
        log_tie = 0.0 if self.ties.any() else -math.inf
        value = self._value(theta, log_tie)
        for _ in range(_MAX_STEPS):
            step = np.linalg.solve(self._information(theta, log_tie), self._gradient(theta, log_tie))
            damping = 1.0
            while True:
                trial, trial_tie = theta + damping * step[:-1], log_tie + damping * float(step[-1])
                trial_value = self._value(trial, trial_tie)
                if trial_value >= value - 1e-12 * abs(value) or damping < 1e-6:
                    break
                damping /= 2
            theta, log_tie, value = trial - trial.mean(), trial_tie, trial_value
            if np.abs(step).max() < _TOLERANCE:
                break
        return theta, math.exp(log_tie)

    def covariance(self, tables: PairTables, members: Ints, theta: Floats, tie: float) -> Floats:
        """(m, m): the sandwich H⁺ B H⁺ with B clustered by battle (Liang and Zeger 1986, doi:10.1093/biomet/73.1.13).

        H is the information; B is the sum over battles of g gᵀ, with g the whole score vector of a battle: all of its
        ballots and pairs together, so that however they depend on each other is accounted for. B is scaled by K/(K-1)
        for K battles. The pseudo-battles count as battles of their own; without them someone who never lost would
        seem to be known exactly.
        """
        log_tie = math.log(tie) if tie else -math.inf
        win, tied = probabilities(theta, log_tie)
        expected = win + tied / 2
        spread = tables.total / max(tables.total - 1, 1)
        meat = spread * _clustered_scores(tables, members, expected, tied)
        drawn = self.pseudo * ((1 - expected) ** 2 + expected**2) / 2 * (1 - np.eye(len(theta)))
        meat[:-1, :-1] += np.diag(drawn.sum(axis=1)) - drawn
        bread = np.linalg.inv(self._information(theta, log_tie))
        sandwich: Floats = (bread @ meat @ bread)[:-1, :-1]
        return _centred(sandwich)

    def _value(self, theta: Floats, log_tie: float) -> float:
        """The log-likelihood. Every pair stands twice in the arrays, hence the halves."""
        d = theta[:, None] - theta[None, :]
        log_z = np.logaddexp(np.logaddexp(d / 2, -d / 2), log_tie)
        tie_part = float((self.ties * log_tie).sum()) / 2 if self.ties.any() else 0.0
        return float(((self.score - self.ballots / 2) * d - self.ballots * log_z).sum()) / 2 + tie_part

    def _gradient(self, theta: Floats, log_tie: float) -> Floats:
        """(m + 1,): with respect to the strengths and log ν."""
        win, tied = probabilities(theta, log_tie)
        by_strength = (self.score - self.ballots * (win + tied / 2)).sum(axis=1)
        return np.append(by_strength, (self.ties - self.ballots * tied).sum() / 2)

    def _information(self, theta: Floats, log_tie: float) -> Floats:
        """(m + 1, m + 1): the negative second derivative, made invertible without changing what it says.

        Its strengths' part is the Laplacian of the comparison graph, which cannot see a common shift: adding 1/m to
        each entry fixes the mean at zero. If nothing was tied the last row and column are those of the identity.
        """
        win, tied = probabilities(theta, log_tie)
        half_difference = (win - win.T) / 2
        weight = self.ballots * ((win + win.T) / 4 - half_difference**2)
        m = len(theta)
        information = np.zeros((m + 1, m + 1))
        information[:m, :m] = np.diag(weight.sum(axis=1)) - weight + 1 / m
        if not self.ties.any():
            information[m, m] = 1
            return information
        information[m, m] = (self.ballots * tied * (1 - tied)).sum() / 2
        information[:m, m] = information[m, :m] = -(self.ballots * half_difference * tied).sum(axis=1)
        return information


def probabilities(theta: Floats, log_tie: float) -> tuple[Floats, Floats]:
    """(m, m) each: the chance that row beats column, and that they tie."""
    d = theta[:, None] - theta[None, :]
    log_z = np.logaddexp(np.logaddexp(d / 2, -d / 2), log_tie)
    return np.exp(d / 2 - log_z), np.exp(log_tie - log_z)


def _clustered_scores(tables: PairTables, members: Ints, expected: Floats, tied: Floats) -> Floats:
    """(m + 1, m + 1): Σ over battles of g gᵀ.

    With p = `expected` and q = `tied`, the pair (i, j) of a battle adds u = s - n p to g[i], -u to g[j] and
    v = t - n q to g[-1]; sums of the products of these are linear in the sums that the tables keep.
    """
    m = len(members)
    squares = tables.squares[np.ix_(members, members)]
    i, j = np.nonzero(squares[:, :, BALLOTS, BALLOTS])
    place = {int(member): index for index, member in enumerate(members)}
    two = [pairs for pairs in tables.across if pairs[0] in place and pairs[2] in place]
    k = np.array([[place[member] for member in pairs] for pairs in two], dtype=np.int64).reshape(-1, 4)
    across = np.array([tables.across[pairs] for pairs in two]).reshape(-1, 3, 3)
    meat = np.zeros((m + 1, m + 1))
    _add_products(meat, squares[i, j], (i, j), (i, j), expected, tied)
    _add_products(meat, across, (k[:, 0], k[:, 1]), (k[:, 2], k[:, 3]), expected, tied)
    _add_products(meat, across.transpose(0, 2, 1), (k[:, 2], k[:, 3]), (k[:, 0], k[:, 1]), expected, tied)
    return meat


def _add_products(
    meat: Floats, products: Floats, one: tuple[Ints, Ints], other: tuple[Ints, Ints], expected: Floats, tied: Floats
) -> None:
    """Add Σ g gᵀ of the parts that two pairs give; products: (E, 3, 3), Σ x yᵀ; one, other: (E,) indices i and j."""
    left_u, left_v = _residuals(expected[one], tied[one])
    right_u, right_v = _residuals(expected[other], tied[other])
    uu = np.einsum("ea,eab,eb->e", left_u, products, right_u)
    uv = np.einsum("ea,eab,eb->e", left_u, products, right_v)
    vu = np.einsum("ea,eab,eb->e", left_v, products, right_u)
    vv = np.einsum("ea,eab,eb->e", left_v, products, right_v)
    for a, sign_a in zip(one, (1, -1), strict=True):
        for b, sign_b in zip(other, (1, -1), strict=True):
            np.add.at(meat, (a, b), sign_a * sign_b * uu)
        np.add.at(meat[:, -1], a, sign_a * uv)
    for b, sign_b in zip(other, (1, -1), strict=True):
        np.add.at(meat[-1, :], b, sign_b * vu)
    meat[-1, -1] += vv.sum()


def _residuals(expected: Floats, tied: Floats) -> tuple[Floats, Floats]:
    """(E, 3) each: what to multiply x = (s, t, n) with to get u = s - n p, and v = t - n q."""
    u, v = np.zeros((2, len(expected), 3))
    u[:, SCORE], u[:, BALLOTS] = 1, -expected
    v[:, TIES], v[:, BALLOTS] = 1, -tied
    return u, v


def _centred(covariance: Floats) -> Floats:
    """The covariance of the strengths minus their mean."""
    rows: Floats = covariance - covariance.mean(axis=0)
    centred: Floats = rows - rows.mean(axis=1, keepdims=True)
    return centred


def ratings(fitted: Fit) -> Floats:
    """(M,): strengths in points."""
    return MEAN + SCALE * fitted.strength


def intervals(fitted: Fit, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """(M,) each: the normal interval of each rating, in points. It is about the distance to the group's mean."""
    reach = NormalDist().inv_cdf((1 + level) / 2) * SCALE * np.sqrt(np.diag(fitted.covariance))
    return ratings(fitted) - reach, ratings(fitted) + reach


def ranks(fitted: Fit) -> list[int | None]:
    """The place of each within its group, from 1; equal strengths share one. None for who was never compared."""
    known = fitted.group >= 0
    better = (fitted.group[None, :] == fitted.group[:, None]) & (
        fitted.strength[None, :] > fitted.strength[:, None] + 1e-9
    )
    return [1 + int(better[one].sum()) if known[one] else None for one in range(len(known))]


def rank_ranges(fitted: Fit, battles: Ints, *, level: float = 0.95) -> list[tuple[int, int] | None]:
    """The best and the worst place each may have: with probability `level` all ranges of a group hold at once.

    Two are told apart if the difference of their strengths survives Holm's correction (1979, Scandinavian Journal of
    Statistics 6, 65-70) over all pairs of the group; places follow as in Mogstad et al. (2024,
    doi:10.1093/restud/rdad006). Single intervals may overlap although the difference is clear, and the other way round.
    battles: (M,) int, battles with an outcome on each; nobody with fewer than ENOUGH_BATTLES is told apart.
    """
    ranges: list[tuple[int, int] | None] = [None] * len(fitted.group)
    for number in range(fitted.group.max(initial=-1) + 1):
        members = np.flatnonzero(fitted.group == number)
        better = _told_apart(fitted, members, battles[members] >= ENOUGH_BATTLES, 1 - level)
        for index, member in enumerate(members.tolist()):
            ranges[member] = (1 + int(better[:, index].sum()), len(members) - int(better[index].sum()))
    return ranges


def _told_apart(fitted: Fit, members: Ints, enough: Bools, alpha: float) -> Bools:
    """(m, m): is row better than column, at family-wise level alpha?"""
    i, j = np.triu_indices(len(members), 1)
    a, b = members[i], members[j]
    covariance = fitted.covariance
    variance = covariance[a, a] + covariance[b, b] - 2 * covariance[a, b]
    difference = fitted.strength[a] - fitted.strength[b]
    z = np.abs(difference) / np.sqrt(np.maximum(variance, 1e-300))
    p = np.array([math.erfc(value / math.sqrt(2)) for value in z])
    order = np.argsort(p)
    passes = p[order] <= alpha / np.arange(len(p), 0, -1)
    accepted = np.zeros(len(p), bool)
    accepted[order] = np.cumprod(passes).astype(bool)
    accepted &= enough[i] & enough[j]
    better = np.zeros((len(members), len(members)), bool)
    better[i, j] = accepted & (difference > 0)
    better[j, i] = accepted & (difference < 0)
    return better


def correct_rates(tables: RateTables, *, level: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """(M,) each: the share of "correct" among decided verdicts with Wilson's interval, nan without any.

    Wilson's interval (1927, doi:10.1080/01621459.1927.10502953) with the effective number of verdicts in place of
    their number (Dean and Pagano 2015, doi:10.1093/jssam/smv024): p(1-p) / variance, the variance clustered by battle.
    It is kept between the number of verdicts and Kish's (Σn)² / Σn², which is right if the verdicts on a battle are all
    alike, and stands in where all verdicts are.
    """
    correct, decided = tables.sums.T
    battles = tables.battles.astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = correct / decided
        residual = tables.squares[:, 0, 0] - 2 * p * tables.squares[:, 0, 1] + p**2 * tables.squares[:, 1, 1]
        effective = p * (1 - p) * decided**2 * (battles - 1) / (battles * residual)
        kish = decided**2 / tables.squares[:, 1, 1]
        effective = np.where((residual > 1e-9) & (battles > 1), effective, kish)
        return p, *_wilson(p, np.clip(effective, kish, decided), level)


def _wilson(p: Floats, n: Floats, level: float) -> tuple[Floats, Floats]:
    z = NormalDist().inv_cdf((1 + level) / 2)
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return np.maximum(middle - reach, 0), np.minimum(middle + reach, 1)
