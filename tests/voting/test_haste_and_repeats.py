"""Ballots faster than anybody reads, and the same question again and again."""

import pytest

from arena.voting.haste import IN_A_ROW, Timed, haste
from arena.voting.repeats import LOOKED_AT, MANY, repetition

LONG = 60_000


def every(seconds: float, count: int, chars: int = LONG) -> list[Timed]:
    return [Timed(1000 + seconds * number, chars) for number in range(count)]


def test_ten_ballots_in_ten_seconds_on_long_texts_are_a_machines() -> None:
    found = haste(every(1, 11))
    assert found
    assert found.is_clear
    assert (found.ballots, found.took_s, found.needed_s, found.words) == (10, 10, 50, 100_000)


def test_a_person_who_only_looks_at_the_answers_is_slow_enough() -> None:
    assert not _is_clear(every(6, 50))
    assert not _is_clear(every(3, 50, chars=200))


def test_short_answers_may_be_judged_quickly_but_not_at_once() -> None:
    assert not _is_clear(every(2, 30, chars=60))
    assert _is_clear(every(0.5, 30, chars=60))


def test_a_few_ballots_in_a_row_are_somebodys_tabs() -> None:
    tabs = [Timed(600.0 * group + second, LONG) for group in range(10) for second in range(5)]
    assert not _is_clear(tabs)
    assert haste(every(0.1, IN_A_ROW)) is None


def test_the_hastiest_run_is_what_is_told() -> None:
    ballots = [*every(100, 20), *(Timed(9000 + number, LONG) for number in range(15)), Timed(20_000, LONG)]
    found = haste(ballots)
    assert found
    assert found.took_s == 10


def _is_clear(ballots: list[Timed]) -> bool:
    found = haste(ballots)
    return found is not None and found.is_clear


SAME = "How many r are in the word strawberry? Think aloud."


@pytest.mark.parametrize(
    "again",
    [
        SAME,
        SAME.upper(),
        "  How many r are in the word   strawberry?? think aloud",
        f"{SAME} (17)",
        "How many r are in the word “strawberry”? Please think aloud.",
        SAME.replace("strawberry", "ｓｔｒａｗｂｅｒｒｙ"),
    ],
)
def test_the_same_question_in_another_guise_is_the_same(again: str) -> None:
    found = repetition([SAME] * (MANY - 1) + ["Prove that there are infinitely many primes.", again])
    assert found
    assert (found.is_clear, found.times, found.questions, found.prompt) == (True, MANY, MANY + 1, SAME)


def test_different_questions_are_not() -> None:
    different = [
        "Prove that the square root of 2 is irrational.",
        "Prove that there are infinitely many primes.",
        "What is 17 * 23?",
        "What is 81 * 94?",
        "Which weighs more, a pound of feathers or a pound of lead?",
        "证明存在无穷多个素数。",
        "9.11 or 9.9, which is larger?",
        "?",
        "",
        "hi",
    ]
    found = repetition(different * (MANY - 1))
    assert found
    assert (found.is_clear, found.times) == (False, MANY - 1)


def test_only_the_latest_questions_are_looked_at() -> None:
    found = repetition([SAME] * MANY + [f"{number} " * 40 for number in range(LOOKED_AT)])
    assert found
    assert not found.is_clear
    assert repetition([]) is None
