"""Who meets whom, and who sits where: the odds themselves are in `drawing.py`."""

import math
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import combinations

from arena.battles.budgets import Purse
from arena.battles.drawing import Aim, Candidate, aim_at, draw
from arena.battles.errors import KeptApart, TooFewContestants, UnknownContestant, WrongSize
from arena.battles.models import MAX_SIZE, MIN_SIZE, SLOTS
from arena.contestants.models import Contestant
from arena.contestants.queries import draw_aim, in_the_draw, kept_apart, named

# From here on dear contestants are drawn less often: the part of a budget that is left.
SCARCE_BELOW = 0.5

Cost = Callable[[Contestant], int]
Apart = Mapping[int, Collection[int]]
_random = random.SystemRandom()


def line_up(
    size: int, slugs: Sequence[str], *, purse: Purse, cost: Cost, is_ranked: bool = True
) -> dict[str, Contestant]:
    """A contestant for each slot, shuffled: the chosen ones (see `named`), filled up to `size` from those in the draw.
    Whoever failed a while ago in a way that lasts comes last.

    A ranked battle is drawn so that its ballot will tell much (see `drawing`), any other uniformly. Those whom a budget
    keeps out take no part. `cost` is what a contestant is expected to cost; only where the purse reaches for no draw at
    all is the battle refused. Raises WrongSize, UnknownContestant, KeptApart, TooFewContestants or BudgetSpent.
    """
    size = max(size, len(slugs))
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise WrongSize(f"A battle has {MIN_SIZE} to {MAX_SIZE} contestants, not {size}.")
    apart = kept_apart()
    chosen = _chosen(slugs, purse, apart)
    if missing := size - len(slugs):
        aim = aim_at(*draw_aim()) if is_ranked else None
        chosen += _drawn_beside(chosen, missing, purse, cost, apart, aim)
    elif purse.limits:
        purse.require(sum(map(cost, chosen)))
    _random.shuffle(chosen)
    return dict(zip(SLOTS, chosen, strict=False))


def _chosen(slugs: Sequence[str], purse: Purse, apart: Apart) -> list[Contestant]:
    if len(set(slugs)) < len(slugs):
        raise UnknownContestant("A contestant cannot meet itself: choose each only once.")
    wanted = {contestant.slug: contestant for contestant in named(slugs)} if slugs else {}
    for slug in slugs:
        if slug not in wanted:
            raise UnknownContestant(f"There is no contestant {slug[:80]!r} in play.")
        if why_not := purse.why_not(wanted[slug]):
            raise UnknownContestant(f"{wanted[slug].display_name} cannot take part. {why_not}")
    chosen = [wanted[slug] for slug in slugs]
    for one, other in combinations(chosen, 2):
        if other.pk in apart.get(one.pk, ()):
            raise KeptApart(f"{one.display_name} and {other.display_name} never meet here: choose another for one.")
    return chosen


def _drawn_beside(
    chosen: list[Contestant], missing: int, purse: Purse, cost: Cost, apart: Apart, aim: Aim | None
) -> list[Contestant]:
    """So many more to sit beside the chosen, who have taken their share of the purse."""
    others = [one for one in in_the_draw() if one not in chosen and not purse.why_not(one)]
    seats = [one.pk for one in chosen]
    candidates = _candidates(others, purse, cost, apart)
    left = math.inf if purse.left is None else purse.left - sum(map(cost, chosen))
    drawn = draw(candidates, missing, beside=seats, aim=aim, left=left, random=_random)
    if drawn is None:
        if purse.left is not None and draw(candidates, missing, beside=seats, random=_random):
            purse.require(purse.left + 1)  # it is money alone that is wanting
        raise TooFewContestants(_why_too_few(len(seats) + missing, len(seats) + len(candidates)))
    by_key = {one.pk: one for one in others}
    return [by_key[one.key] for one in drawn]


def _candidates(others: Sequence[Contestant], purse: Purse, cost: Cost, apart: Apart) -> list[Candidate]:
    """As the draw sees them. Below half a budget the dearest is drawn in proportion to what is left of that half, and
    what costs less is held back less: so that the rest of the day lasts for more battles."""
    costs = [0 if purse.left is None else cost(one) for one in others]
    dearest, plenty = max(costs, default=0), _plenty(purse)
    return [
        Candidate(
            key=one.pk,
            weight=one.weight * (plenty ** (price / dearest) if price else 1.0),
            cost=price,
            apart=frozenset(apart.get(one.pk, ())),
            comes_last=one.is_passed_over,
        )
        for one, price in zip(others, costs, strict=True)
    ]


def _plenty(purse: Purse) -> float:
    """1 while no budget is scarce; falls to 0 with what is left."""
    if purse.left is None or purse.tightest is None or not purse.tightest.nano:
        return 1.0
    return min(1.0, purse.left / purse.tightest.nano / SCARCE_BELOW)


def _why_too_few(needed: int, there: int) -> str:
    if there < needed:
        return f"A battle of {needed} needs {needed} available contestants; there {_are(there)} at the moment."
    return f"A battle of {needed} needs {needed} available contestants that may meet each other; some here never do."


def _are(count: int) -> str:
    return {0: "are none", 1: "is one"}.get(count, f"are {count}")
