"""Every solver is held against a computation that goes another way."""

import random
import re
from fractions import Fraction
from itertools import combinations

import pytest

from arena.contestants.simulator.solvers.arithmetic import NotArithmetic, evaluate, solve_arithmetic
from arena.contestants.simulator.solvers.letters import letters_follow_up, solve_letters
from arena.contestants.simulator.solvers.parentheses import placements, solve_parentheses
from arena.contestants.simulator.solvers.polynomials import rational_roots, real_roots, solve_polynomial, square_free


def as_python(tex: str) -> str:
    return tex.replace(r"\cdot", "*").replace("^{", "**(").replace("}", ")").replace("^", "**").replace("$", "")


def test_expressions_are_evaluated_as_python_does() -> None:
    rng = random.Random(1)
    for _ in range(300):
        terms = [str(rng.randint(1, 50)) for _ in range(rng.randint(2, 8))]
        text = terms[0] + "".join(f" {rng.choice('+-*')} {term}" for term in terms[1:])
        value, operations = evaluate(text)
        assert value == eval(text)
        for operation in operations:
            left, right = as_python(operation).split("=")
            assert eval(left) == eval(right)


@pytest.mark.parametrize("text", ["", "1 +", "(1", "1 / 0", "9^999", "9^99", "2 2", "9" * 61])
def test_no_expression_is_no_arithmetic(text: str) -> None:
    with pytest.raises(NotArithmetic):
        evaluate(text)


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("What is 17 * 23?", r"$$17 \cdot 23 = 391$$"),
        ("What is 17 times 23 minus 5?", r"$$17 \cdot 23 - 5 = 386$$"),
        ("7 + 3 × (12 − 4)^2 ÷ 16 - 5", r"$$7 + 3 \cdot (12 - 4)^{2} / 16 - 5 = 14$$"),
        ("Compute 10/4.", r"$$10 / 4 = \frac{5}{2}$$"),
    ],
)
def test_arithmetic_is_answered(prompt: str, answer: str) -> None:
    solution = solve_arithmetic(prompt)
    assert solution is not None and solution.answer == answer


def test_haste_goes_from_left_to_right() -> None:
    solution = solve_arithmetic("What is 2 + 3 * 4?")
    assert solution is not None
    assert (solution.answer, solution.slip_answer) == (r"$$2 + 3 \cdot 4 = 14$$", r"$$2 + 3 \cdot 4 = 20$$")


@pytest.mark.parametrize("prompt", ["Who are you?", "In 2024-2025 we met.", "What is 1/0?", "Call 555."])
def test_other_prompts_are_no_arithmetic(prompt: str) -> None:
    assert solve_arithmetic(prompt) is None


def test_parentheses_puzzle_has_its_one_solution() -> None:
    solution = solve_parentheses(
        "Add a pair of parentheses to 1 + 2 * 3 + 4 * 5 + 6 * 7 + 8 * 9 = 479 to make it true."
    )
    assert solution is not None
    assert solution.answer == r"$$1 + 2 \cdot (3 + 4 \cdot 5 + 6) \cdot 7 + 8 \cdot 9 = 479$$"
    left, right = as_python(solution.slip_answer).split("=")
    assert eval(left) != int(right)


def test_placements_are_all_there_are() -> None:
    numbers, signs = ["2", "3", "4", "5"], ["*", "-", "*"]
    expected = set()
    for first, last in combinations(range(4), 2):
        if (first, last) != (0, 3):
            parts = list(numbers)
            parts[first], parts[last] = f"({parts[first]}", f"{parts[last]})"
            expected.add(eval(parts[0] + "".join(sign + part for sign, part in zip(signs, parts[1:], strict=True))))
    found = list(placements("2 * 3 - 4 * 5"))
    assert len(found) == 5
    assert {value for _, value in found} == expected


def test_puzzle_without_a_solution_is_said_to_have_none() -> None:
    solution = solve_parentheses("Add one pair of parentheses: 1 + 2 * 3 = 8")
    assert solution is not None and "No such placement exists" in solution.answer


def test_long_puzzles_are_left_alone() -> None:
    assert solve_parentheses(f"parentheses in {' + '.join(['1'] * 40)} = 5") is None


@pytest.mark.parametrize(
    ("prompt", "letter", "text"),
    [
        ("How many r in strawberry?", "r", "strawberry"),
        ("how many r's are there in Strawberry", "r", "Strawberry"),
        ("How many times does the letter 's' appear in the word \"Mississippi\"?", "s", "Mississippi"),
        ("Count the letter e in “never seen before”.", "e", "never seen before"),
        ("number of Rs in raspberry", "r", "raspberry"),
        ("how many z in strawberry", "z", "strawberry"),
    ],
)
def test_letters_are_counted(prompt: str, letter: str, text: str) -> None:
    solution = solve_letters(prompt)
    assert solution is not None
    assert f"**{text.lower().count(letter)}**" in solution.answer
    assert f"“{text}”" in solution.answer


@pytest.mark.parametrize("prompt", ["How many primes are in the list?", "How many people live in Rome?", "Hello"])
def test_other_counts_are_left_alone(prompt: str) -> None:
    assert solve_letters(prompt) is None


def test_haste_hears_a_double_letter_once() -> None:
    solution = solve_letters("How many r in strawberry?")
    assert solution is not None and "**2**" in solution.slip_answer


def test_follow_up_changes_the_word_or_the_letter() -> None:
    first = "How many r in strawberry?"
    word, letter = letters_follow_up("And in raspberry?", first), letters_follow_up("And how many b?", first)
    assert word is not None and "“r” occurs **3** times in “raspberry”" in word.answer
    assert letter is not None and "“b” occurs **1** time in “strawberry”" in letter.answer


def product(roots: list[Fraction]) -> list[int]:
    coefficients = [1]
    for root in roots:
        shifted, scaled = [0, *coefficients], [*coefficients, 0]
        coefficients = [root.denominator * a - root.numerator * b for a, b in zip(shifted, scaled, strict=True)]
    return coefficients


def test_rational_roots_are_found_with_their_multiplicity() -> None:
    rng = random.Random(2)
    for _ in range(100):
        roots = sorted(Fraction(rng.randint(-6, 6), rng.randint(1, 4)) for _ in range(rng.randint(1, 5)))
        found, rest = rational_roots(product(roots))
        assert found == roots
        assert len(rest) == 1


def test_real_roots_are_narrowed_down() -> None:
    assert real_roots([-1.0, -1.0, 0.0, 0.0, 0.0, 1.0]) == [pytest.approx(1.1673039782614187)]
    assert real_roots([6.0, 0.0, -5.0, 0.0, 1.0]) == pytest.approx([-(3**0.5), -(2**0.5), 2**0.5, 3**0.5])


def test_double_roots_become_single() -> None:
    constant, linear, leading = square_free([Fraction(value) for value in (4, 0, -4, 0, 1)])
    assert (constant / leading, linear / leading) == (-2, 0)


@pytest.mark.parametrize(
    ("prompt", "roots"),
    [
        ("Solve 2x^2 - 3x - 5 = 0", r"-1, \frac{5}{2}"),
        ("x³ − 4x² − 7x + 10 = 0", "-2, 1, 5"),
        ("Find y: $y^{3} = 2y + 1$", r"-1, \frac{1 - \sqrt{5}}{2}, \frac{1 + \sqrt{5}}{2}"),
        ("x^2 + x + 1 = 0", r"\frac{-1 - \sqrt{3}i}{2}, \frac{-1 + \sqrt{3}i}{2}"),
        ("3x + 4 = 19", "5"),
        ("-x^2 + 4 = 0", "-2, 2"),
        ("x**2 = 9", "-3, 3"),
        ("x^4 - 4x^2 + 4 = 0", r"-1.414214\ldots, 1.414214\ldots"),
    ],
)
def test_equations_are_solved(prompt: str, roots: str) -> None:
    solution = solve_polynomial(prompt)
    assert solution is not None
    assert solution.answer.partition(r" \in ")[2].startswith(rf"\left\{{{roots}\right\}}")


def test_equation_without_real_roots_is_said_to_have_none() -> None:
    solution = solve_polynomial("x^4 + 1 = 0")
    assert solution is not None and solution.answer == "The equation has no real solutions."


@pytest.mark.parametrize("prompt", ["x^99 = 1", "x + y = 3", "x^2 + 9999999999 = 0", "5 = 5", "a = a", "word = thing"])
def test_other_equations_are_left_alone(prompt: str) -> None:
    assert solve_polynomial(prompt) is None


def test_checks_told_for_arithmetic_are_true() -> None:
    solution = solve_arithmetic("What is 7 + 3 * (12 - 4)^2 / 16 - 5?")
    assert solution is not None
    for equation in re.findall(r"\$([^$]+)\$", solution.check):
        left, right = as_python(equation).split("=")
        assert eval(left) == eval(right)
