"""How free seats are filled: the odds of each draw. Plain values in and out; no database and no Django here.

Four battles in five are aimed at what the ballots so far leave open, the fifth is drawn uniformly, and who has been in
few battles is drawn as often as it would be if all were uniform. docs/statistics.md tells why, and what that saves.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

# Of all battles: so that nobody is starved, and what nobody thought of can still show.
UNIFORM_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Candidate:
    """Someone who may be drawn. `weight`: how readily beside the others, above 0. `cost`: of this one response, in the
    unit of the purse. `apart`: whom it never meets. `comes_last`: only where there are too few others."""

    key: int
    weight: float = 1.0
    cost: int = 0
    apart: frozenset[int] = frozenset()
    comes_last: bool = False


@dataclass(frozen=True, slots=True)
class Aim:
    """What the ballots so far leave open. `pairs[i][j]` = `pairs[j][i]`: the share of the next battles that i and j
    should have against each other. `newcomers`: who has been in too few battles to be told apart."""

    pairs: Mapping[int, Mapping[int, float]] = field(default_factory=dict)
    newcomers: frozenset[int] = frozenset()


def aim_at(pairs: Sequence[tuple[int, int, float]], newcomers: Collection[int] = ()) -> Aim:
    """From a list of pairs, each with its share."""
    both_ways: dict[int, dict[int, float]] = {}
    for one, other, share in pairs:
        both_ways.setdefault(one, {})[other] = share
        both_ways.setdefault(other, {})[one] = share
    return Aim(both_ways, frozenset(newcomers))


def draw(
    candidates: Sequence[Candidate],
    number: int,
    *,
    random: Random,
    beside: Sequence[int] = (),
    aim: Aim | None = None,
    left: float = math.inf,
) -> list[Candidate] | None:
    """So many of the candidates, to sit beside those who do already; None if nobody can fill the seats.

    Without an `aim` all is uniform. Seat by seat, each time among those after whom the seats that are still free can be
    filled: with candidates who may meet everybody there, and whom what is `left` of the purse pays for.
    """
    seated = list(beside)
    others = sorted((one for one in candidates if not one.apart or one.apart.isdisjoint(seated)), key=_cost)
    worth = _leaning(aim, others, number + len(seated), random)
    drawn: list[Candidate] = []
    for still_free in reversed(range(number)):
        fitting = _fitting(others, still_free, left)
        if not fitting:
            return None
        preferred = [one for one in fitting if not one.comes_last] or fitting
        one = _pick(preferred, worth(preferred, seated), random)
        others = [other for other in others if other is not one and other.key not in one.apart]
        left -= one.cost
        drawn.append(one)
        seated.append(one.key)
    return drawn


Worth = Callable[[Sequence[Candidate], Sequence[int]], list[float]]


def _leaning(aim: Aim | None, candidates: Sequence[Candidate], seats: int, random: Random) -> Worth:
    """What this battle's draw leans to: a function of who may be drawn next, and who sits already."""
    if aim is None or random.random() < UNIFORM_SHARE:
        return _worth_by_weight
    newcomers = frozenset(one.key for one in candidates if one.key in aim.newcomers and not one.comes_last)
    if newcomers and random.random() < len(newcomers) * seats / len(candidates):
        return lambda fitting, seated: _worth_to_newcomers(newcomers, fitting, seated)
    return lambda fitting, seated: _worth_to_aim(aim, fitting, seated)


def _worth_by_weight(fitting: Sequence[Candidate], seated: Sequence[int]) -> list[float]:
    return [one.weight for one in fitting]


def _worth_to_newcomers(newcomers: frozenset[int], fitting: Sequence[Candidate], seated: Sequence[int]) -> list[float]:
    """One of them, beside anybody."""
    if not newcomers.isdisjoint(seated):
        return _worth_by_weight(fitting, seated)
    return [one.weight * (one.key in newcomers) for one in fitting]


def _worth_to_aim(aim: Aim, fitting: Sequence[Candidate], seated: Sequence[int]) -> list[float]:
    """What each would tell beside those who sit already. For the first seat: beside whoever may come next."""
    if seated:
        return [one.weight * sum(aim.pairs.get(one.key, {}).get(key, 0.0) for key in seated) for one in fitting]
    weights = {one.key: one.weight for one in fitting}
    return [one.weight * _worth_beside_any(one, aim, weights) for one in fitting]


def _worth_beside_any(one: Candidate, aim: Aim, weights: Mapping[int, float]) -> float:
    shares = aim.pairs.get(one.key, {}).items()
    return sum(share * weights[key] for key, share in shares if key in weights and key not in one.apart)


def _pick(fitting: Sequence[Candidate], worth: Sequence[float], random: Random) -> Candidate:
    """By what each is worth; by weight where none is worth anything, and if that is nothing too, any."""
    for odds in (worth, _worth_by_weight(fitting, ())):
        if any(odds):
            return random.choices(fitting, odds)[0]
    return random.choice(fitting)


def _fitting(others: Sequence[Candidate], still_free: int, left: float) -> Sequence[Candidate]:
    """Those of the others, who stand by cost, after whom so many more seats can be filled."""
    if not any(one.apart for one in others):
        if len(others) <= still_free or math.isinf(left):
            return others if len(others) > still_free else []
        reserved = sum(one.cost for one in others[:still_free])
        if reserved + others[still_free].cost > left:
            return []
        return [one for one in others if reserved + one.cost <= left]
    return [one for one in others if _can_be_filled(still_free, _without(others, one), left - one.cost)]


def _can_be_filled(seats: int, ascending: Sequence[Candidate], left: float) -> bool:
    if not seats:
        return left >= 0
    for place, one in enumerate(ascending):
        cheapest = ascending[place : place + seats]
        if len(cheapest) < seats or sum(other.cost for other in cheapest) > left:
            return False
        if _can_be_filled(seats - 1, _without(ascending[place + 1 :], one), left - one.cost):
            return True
    return False


def _without(others: Sequence[Candidate], one: Candidate) -> list[Candidate]:
    """Those who may sit beside it."""
    return [other for other in others if other is not one and other.key not in one.apart]


def _cost(candidate: Candidate) -> int:
    return candidate.cost
