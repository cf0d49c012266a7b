"""The odds of a draw, as values: who is drawn how often, and who never meets whom."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from arena.battles.drawing import UNIFORM_SHARE, Aim, Candidate, aim_at, draw

DRAWS = 4000
CERTAIN = 1e-6  # seeded draws: it cannot fail now and then
TEN = [Candidate(key) for key in range(10)]


def seatings(
    candidates: Sequence[Candidate],
    number: int = 2,
    *,
    aim: Aim | None = None,
    beside: Sequence[int] = (),
    seed: int = 1,
) -> Counter[frozenset[int]]:
    """Who was drawn together how often."""
    random = Random(seed)
    drawn = (draw(candidates, number, aim=aim, beside=beside, random=random) for _ in range(DRAWS))
    return Counter(frozenset(one.key for one in battle or ()) for battle in drawn)


def shares(counts: Counter[frozenset[int]]) -> dict[int, float]:
    """In which part of the battles each was."""
    return {key: sum(count for seated, count in counts.items() if key in seated) / DRAWS for key in range(10)}


@pytest.mark.parametrize("number", [2, 3, 6])
def test_without_an_aim_everybody_is_drawn_alike_and_nobody_meets_itself(number: int) -> None:
    counts = seatings(TEN, number)
    assert all(len(seated) == number for seated in counts)
    assert chisquare([DRAWS * share for share in shares(counts).values()]).pvalue > CERTAIN


def test_without_an_aim_every_pair_is_as_likely() -> None:
    counts = seatings(TEN)
    assert chisquare([counts[frozenset(pair)] for pair in combinations(range(10), 2)]).pvalue > CERTAIN


def test_four_in_five_go_where_they_are_aimed() -> None:
    counts = seatings(TEN, aim=aim_at([(0, 1, 0.75), (1, 2, 0.25)]))
    uniform = UNIFORM_SHARE / math.comb(10, 2)
    assert counts[frozenset({0, 1})] / DRAWS == pytest.approx(0.8 * 0.75 + uniform, abs=0.03)
    assert counts[frozenset({1, 2})] / DRAWS == pytest.approx(0.8 * 0.25 + uniform, abs=0.03)


def test_fifth_is_uniform_so_that_nobody_is_starved() -> None:
    counts = seatings(TEN, aim=aim_at([(0, 1, 1.0)]))
    others = [share for key, share in shares(counts).items() if key > 1]
    assert all(share == pytest.approx(UNIFORM_SHARE * 2 / 10, abs=0.015) for share in others)


@pytest.mark.parametrize("number", [2, 4])
def test_newcomer_is_drawn_no_less_than_if_all_were_uniform(number: int) -> None:
    counts = seatings(TEN, number, aim=aim_at([(0, 1, 1.0)], newcomers=[9]))
    assert shares(counts)[9] > number / 10 - 0.03
    assert shares(counts)[8] < shares(counts)[9] - 0.05


def test_where_all_are_newcomers_all_is_uniform() -> None:
    counts = seatings(TEN, aim=aim_at([(0, 1, 1.0)], newcomers=range(10)))
    assert chisquare([counts[frozenset(pair)] for pair in combinations(range(10), 2)]).pvalue > CERTAIN


def test_newcomer_that_comes_last_is_not_asked_for() -> None:
    candidates = [*TEN[:9], Candidate(9, comes_last=True)]
    assert shares(seatings(candidates, aim=aim_at([(0, 1, 1.0)], newcomers=[9])))[9] == 0


def test_partner_of_a_chosen_one_is_the_one_that_tells_most() -> None:
    counts = seatings(TEN[1:], 1, beside=[0], aim=aim_at([(0, 4, 0.1), (5, 6, 0.9)]))
    assert counts[frozenset({4})] / DRAWS == pytest.approx(0.8 + 0.2 / 9, abs=0.03)


def test_further_seats_go_to_those_who_tell_something_beside_the_first() -> None:
    counts = seatings(TEN, 3, aim=aim_at([(0, 1, 0.5), (1, 2, 0.3), (0, 2, 0.2)]))
    assert counts[frozenset({0, 1, 2})] / DRAWS == pytest.approx(0.8, abs=0.04)


def test_aim_at_those_who_are_not_there_leaves_the_others_alike() -> None:
    counts = seatings(TEN, aim=aim_at([(77, 78, 0.9), (77, 3, 0.1)]))
    assert chisquare([counts[frozenset(pair)] for pair in combinations(range(10), 2)]).pvalue > CERTAIN


def test_weight_is_how_readily_one_is_drawn() -> None:
    weighty = [Candidate(0, weight=3.0), *TEN[1:]]
    counts = Counter(next(iter(seated)) for seated in seatings(weighty, 1).elements())
    assert counts[0] / DRAWS == pytest.approx(3 / 12, abs=0.03)


def test_weight_counts_in_what_is_aimed_too() -> None:
    weighty = [Candidate(0, weight=0.1), *TEN[1:]]
    counts = seatings(weighty, aim=aim_at([(0, 1, 0.5), (2, 3, 0.5)]))
    assert counts[frozenset({0, 1})] / DRAWS == pytest.approx(0.8 * 0.1 / 1.1, abs=0.03)
    assert counts[frozenset({2, 3})] / DRAWS == pytest.approx(0.8 / 1.1, abs=0.03)


def test_aimed_pair_that_is_kept_apart_never_meets() -> None:
    apart = [Candidate(0, apart=frozenset({1})), Candidate(1, apart=frozenset({0})), *TEN[2:]]
    assert not any({0, 1} <= seated for seated in seatings(apart, 3, aim=aim_at([(0, 1, 1.0)])))


def test_first_seat_is_not_taken_by_one_whom_nobody_may_join() -> None:
    apart = [
        Candidate(0, apart=frozenset({1, 2})),
        Candidate(1, apart=frozenset({0})),
        Candidate(2, apart=frozenset({0})),
    ]
    assert set(seatings(apart)) == {frozenset({1, 2})}


def test_who_comes_last_is_drawn_where_there_are_too_few_others() -> None:
    candidates = [Candidate(0), Candidate(1), Candidate(2, comes_last=True)]
    assert set(seatings(candidates)) == {frozenset({0, 1})}
    assert set(seatings(candidates, 3)) == {frozenset({0, 1, 2})}


def test_where_nobody_has_any_weight_all_are_alike() -> None:
    weightless = [Candidate(key, weight=0.0) for key in range(3)]
    assert len(seatings(weightless)) == 3


@st.composite
def tables_of_candidates(draw_value: st.DrawFn) -> list[Candidate]:
    size = draw_value(st.integers(0, 7))
    pairs = draw_value(st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda pair: pair[0] != pair[1])))
    return [
        Candidate(
            key,
            cost=draw_value(st.integers(0, 5)),
            apart=frozenset({b for a, b in pairs if a == key} | {a for a, b in pairs if b == key}),
            comes_last=draw_value(st.booleans()),
        )
        for key in range(size)
    ]


def may_sit(battle: Sequence[Candidate], left: float) -> bool:
    meet = all(other.key not in one.apart for one, other in combinations(battle, 2))
    return meet and sum(one.cost for one in battle) <= left


@given(tables_of_candidates(), st.integers(1, 4), st.one_of(st.just(math.inf), st.integers(0, 15)), st.integers(0, 99))
def test_seats_are_filled_whenever_they_can_be(
    candidates: list[Candidate], number: int, left: float, seed: int
) -> None:
    aim = aim_at([(0, 1, 0.5), (1, 2, 0.5)], newcomers=[3])
    battle = draw(candidates, number, aim=aim, left=left, random=Random(seed))
    possible = any(may_sit(seated, left) for seated in combinations(candidates, number))
    assert (battle is not None) == possible
    if battle is not None:
        assert len({one.key for one in battle}) == number
        assert may_sit(battle, left)
