"""Who meets whom, and who sits where."""

import random
from collections.abc import Sequence

from arena.battles.errors import TooFewContestants, UnknownContestant, WrongSize
from arena.battles.models import MAX_SIZE, MIN_SIZE, SLOTS
from arena.contestants.models import Contestant
from arena.contestants.queries import in_play

_random = random.SystemRandom()


def line_up(size: int, slugs: Sequence[str] = ()) -> dict[str, Contestant]:
    """A contestant for each slot, shuffled: the chosen ones, filled up to `size` from those in play. Whoever failed a
    while ago in a way that lasts comes last.

    Raises WrongSize, UnknownContestant or TooFewContestants.
    """
    size = max(size, len(slugs))
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise WrongSize(f"A battle has {MIN_SIZE} to {MAX_SIZE} contestants, not {size}.")
    if len(set(slugs)) < len(slugs):
        raise UnknownContestant("A contestant cannot meet itself: choose each only once.")
    candidates = {contestant.slug: contestant for contestant in in_play()}
    for slug in slugs:
        if slug not in candidates:
            raise UnknownContestant(f"There is no contestant {slug[:80]!r} in play.")
    others = [contestant for slug, contestant in candidates.items() if slug not in slugs]
    missing = size - len(slugs)
    if missing > len(others):
        raise TooFewContestants(
            f"A battle of {size} needs {size} available contestants; there {_are(len(candidates))} at the moment."
        )
    chosen = [candidates[slug] for slug in slugs] + _draw(others, missing)
    _random.shuffle(chosen)
    return dict(zip(SLOTS, chosen, strict=False))


def _draw(others: list[Contestant], number: int) -> list[Contestant]:
    fit = [contestant for contestant in others if not contestant.is_passed_over]
    passed_over = [contestant for contestant in others if contestant.is_passed_over]
    drawn = _random.sample(fit, min(number, len(fit)))
    return drawn + _random.sample(passed_over, number - len(drawn))


def _are(count: int) -> str:
    return {0: "are none", 1: "is one"}.get(count, f"are {count}")
