"""The test of voters who favour one side: whom it finds, and how seldom it is wrong, whenever one looks."""

import random
from collections.abc import Callable

import pytest

from arena.voting.sides import ALPHA, TOLERANCE, Judged, leaning


def ballot(slots: str, better: str, *, picks: bool = True, judges: bool = True) -> Judged:
    verdicts = {slot: float(slot == better) if judges else 1.0 for slot in slots}
    return Judged(verdicts, better if picks else "")


@pytest.mark.parametrize("slot", ["A", "B"])
@pytest.mark.parametrize("kind", [{}, {"picks": False}, {"judges": False}])
def test_who_always_takes_one_side_is_found_within_twenty_ballots(slot: str, kind: dict[str, bool]) -> None:
    lean = leaning([ballot("AB", slot, **kind)] * 20)
    assert lean.is_clear
    assert (lean.slot, lean.times, lean.ballots) == (slot, 20, 20)


@pytest.mark.parametrize("slots", ["ABC", "ABCDEF"])
def test_in_larger_battles_a_letter_of_ones_own_shows_sooner(slots: str) -> None:
    assert leaning([ballot(slots, slots[-1])] * 14).is_clear


def test_a_dozen_of_one_side_may_be_an_accident() -> None:
    assert not leaning([ballot("AB", "A")] * 10).is_clear


def test_what_was_clear_once_stays_so() -> None:
    turned = [ballot("AB", "A")] * 20 + [ballot("AB", "B")] * 40
    assert leaning(turned).is_clear


@pytest.mark.parametrize(
    "nothing",
    [
        Judged({"A": 1.0, "B": 1.0}, ""),
        Judged({"A": 0.5, "B": 0.5}, ""),
        Judged({"A": 0.0, "B": 0.0}, ""),
        Judged({}, ""),
    ],
)
def test_ballots_that_favour_nobody_say_nothing(nothing: Judged) -> None:
    assert leaning([nothing] * 500).evidence == 1
    assert leaning([]).evidence == 1


def test_evidence_stays_a_number() -> None:
    assert 1e100 < leaning([ballot("AB", "A")] * 5000).evidence < float("inf")


Voter = Callable[[random.Random], Judged]


def fair(rng: random.Random) -> Judged:
    """Decides by what is written, in battles of any size; the letters are shuffled."""
    slots = "ABCDEF"[: rng.choice([2, 2, 2, 3, 4, 6])]
    quality = [rng.random() for _ in slots]
    best = slots[quality.index(max(quality))]
    verdicts = {slot: rng.choice([0.5, float(value > 0.4)]) for slot, value in zip(slots, quality, strict=True)}
    return Judged(verdicts, rng.choice([best, best, ""]))


def partial(rng: random.Random) -> Judged:
    """As partial to the first as is allowed for."""
    return ballot("AB", "A" if rng.random() < 0.5 + TOLERANCE else "B")


@pytest.mark.parametrize("voter", [fair, partial])
def test_honest_voters_are_suspected_no_more_often_than_is_said(voter: Voter) -> None:
    """`evidence` is the highest ever reached, so this is as if one had looked after every ballot. Of 400 voters at most
    4 in the mean; 11 or more would come up once in 400 times if it were exactly ALPHA."""
    rng = random.Random(20_000)
    suspected = sum(leaning([voter(rng) for _ in range(150)]).is_clear for _ in range(400))
    assert ALPHA * 400 == 4
    assert suspected <= 10


def test_who_takes_one_side_in_nine_of_ten_is_found() -> None:
    rng = random.Random(7)
    crowd = [[ballot("AB", "B" if rng.random() < 0.9 else "A") for _ in range(120)] for _ in range(50)]
    assert sum(leaning(ballots).is_clear for ballots in crowd) >= 48
