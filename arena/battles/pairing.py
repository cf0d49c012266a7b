"""Who meets whom, and who sits where."""

import random
from collections.abc import Callable, Sequence

from arena.battles.budgets import Purse
from arena.battles.errors import TooFewContestants, UnknownContestant, WrongSize
from arena.battles.models import MAX_SIZE, MIN_SIZE, SLOTS
from arena.contestants.models import Contestant
from arena.contestants.queries import in_play, named

_random = random.SystemRandom()


def line_up(
    size: int, slugs: Sequence[str], *, purse: Purse, cost: Callable[[Contestant], int]
) -> dict[str, Contestant]:
    """A contestant for each slot, shuffled: the chosen ones (see `named`), filled up to `size` from those in play.
    Whoever failed a while ago in a way that lasts comes last.

    Those whom a budget keeps out are not in play. `cost` is what a contestant is expected to cost; a draw that the
    purse does not reach for is refused only if there is none that it does (see `_draw`). Raises WrongSize,
    UnknownContestant, TooFewContestants or BudgetSpent.
    """
    size = max(size, len(slugs))
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise WrongSize(f"A battle has {MIN_SIZE} to {MAX_SIZE} contestants, not {size}.")
    if len(set(slugs)) < len(slugs):
        raise UnknownContestant("A contestant cannot meet itself: choose each only once.")
    wanted = {contestant.slug: contestant for contestant in named(slugs)}
    for slug in slugs:
        if slug not in wanted:
            raise UnknownContestant(f"There is no contestant {slug[:80]!r} in play.")
        if why_not := purse.why_not(wanted[slug]):
            raise UnknownContestant(f"{wanted[slug].display_name} cannot take part. {why_not}")
    chosen = [wanted[slug] for slug in slugs]
    if missing := size - len(slugs):
        chosen += _drawn_beside(chosen, missing, purse, cost)
    elif purse.limits:
        purse.require(sum(map(cost, chosen)))
    _random.shuffle(chosen)
    return dict(zip(SLOTS, chosen, strict=False))


def _drawn_beside(
    chosen: list[Contestant], missing: int, purse: Purse, cost: Callable[[Contestant], int]
) -> list[Contestant]:
    candidates = [contestant for contestant in in_play() if not purse.why_not(contestant)]
    others = [contestant for contestant in candidates if contestant not in chosen]
    if missing > len(others):
        size = len(chosen) + missing
        raise TooFewContestants(
            f"A battle of {size} needs {size} available contestants; there {_are(len(candidates))} at the moment."
        )
    return _draw(others, missing, purse, cost, taken=sum(map(cost, chosen)) if purse.limits else 0)


def _draw(
    others: list[Contestant], missing: int, purse: Purse, cost: Callable[[Contestant], int], *, taken: int
) -> list[Contestant]:
    """So many of the others, at random, beside those who have `taken` their share of the purse.

    Seat by seat, each time among those after whom the seats that are still free can be paid for. While there is plenty
    that is everybody, and all draws are equally likely; towards the end of a budget the dear ones drop out first.
    """
    if purse.left is None:
        return _sample(others, missing)
    costs = {contestant.pk: cost(contestant) for contestant in others}
    drawn: list[Contestant] = []
    for still_free in reversed(range(missing)):
        ascending = sorted(costs[contestant.pk] for contestant in others)
        reserved = taken + sum(ascending[:still_free])
        purse.require(reserved + ascending[still_free])
        affordable = [one for one in others if reserved + costs[one.pk] <= purse.left]
        one = _sample(affordable, 1)[0]
        others = [other for other in others if other is not one]
        taken += costs[one.pk]
        drawn.append(one)
    purse.require(taken)
    return drawn


def _sample(contestants: list[Contestant], number: int) -> list[Contestant]:
    """At random; those who are passed over only where there are too few others."""
    fit = [contestant for contestant in contestants if not contestant.is_passed_over]
    passed_over = [contestant for contestant in contestants if contestant.is_passed_over]
    drawn = _random.sample(fit, min(number, len(fit)))
    return drawn + _random.sample(passed_over, number - len(drawn))


def _are(count: int) -> str:
    return {0: "are none", 1: "is one"}.get(count, f"are {count}")
