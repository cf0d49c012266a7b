"""Whether an answer agrees with the reference: only what is certain is said."""

import time

import pytest

from arena.problems.checking import CHECKABLE, matches


@pytest.mark.parametrize(
    "answer",
    [
        "3",
        "There are **3** r's in strawberry.",
        "There are $3$.",
        "s, t, r, a, w, b, e, r, r, y.\n\nThe answer is 3.",
        "Positions 3, 8 and 9.\n\n\\boxed{3}",
        "First I thought \\boxed{2}. No: \\boxed{3}",
        "Letters 3, 8, 9.\n\nAnswer: 3",
        "It is 3.0, of course.",
        "\\[ \\boxed{\\text{ 3 }} \\]",
    ],
)
def test_the_right_number_matches(answer: str) -> None:
    assert matches("number", "3", answer) is True


def test_nothing_is_a_number_too() -> None:
    assert matches("number", "0", "From 5 and 5.\n\nIt is 0.") is True
    assert matches("number", "5", "Of 5.\n\nIt is 0.") is False


@pytest.mark.parametrize("answer", ["2", "There are **two**: 2.", "Of 10 letters…\n\nThe answer is 2.", "\\boxed{13}"])
def test_another_number_does_not(answer: str) -> None:
    assert matches("number", "3", answer) is False


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "Three.",
        "There are 3 of them: letters 3, 8 and 9.",
        "Between 2 and 3.",
        "\\boxed{three}",
        "\\boxed{2 \\text{ or } 3}",
        "x" * 100_000,
        "v3 and R2D2",
    ],
)
def test_what_is_not_certain_is_left_to_people(answer: str) -> None:
    assert matches("number", "3", answer) is None


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("1,234", "1234"),
        ("0.5", "\\boxed{\\frac{1}{2}}"),
        ("-7", "The result is −7."),
        ("5/2", "\\boxed{2.5}"),
        ("567", "**567**."),
    ],
)
def test_numbers_are_compared_by_value(reference: str, answer: str) -> None:
    assert matches("number", reference, answer) is True


def test_solutions_are_compared_as_sets_where_they_are_boxed() -> None:
    reference = r"$$x \in \left\{-1, \tfrac{5}{2}\right\}$$"
    assert matches("solutions", reference, r"So \boxed{x = \frac{5}{2}} or \boxed{x = -1}.") is True
    assert matches("solutions", reference, r"\boxed{-1, 5/2}") is True
    assert matches("solutions", reference, r"\boxed{-1}") is False
    assert matches("solutions", reference, "x = -1 or x = 5/2") is None


def test_other_checkers_are_for_people() -> None:
    assert matches("parentheses", "3", "3") is None
    assert matches("", "3", "3") is None
    assert {"number", "solutions"} == CHECKABLE


@pytest.mark.parametrize("nasty", ["9" * 200_000, "1," * 100_000, "\\boxed{" * 20_000, "{" * 100_000, "1/" * 100_000])
def test_hostile_answers_cost_no_time(nasty: str) -> None:
    began = time.process_time()
    matches("number", "3", nasty)
    matches("solutions", "3", f"\\boxed{{{nasty}}}")
    assert time.process_time() - began < 5
