"""The shipped problems: entered once, and their reference answers held against computations."""

import contextlib
import io
import re
from itertools import product

import pytest

from arena.contestants.simulator.solvers.parentheses import placements
from arena.problems.models import Problem
from arena.problems.services import load_collection

pytestmark = pytest.mark.django_db


@pytest.fixture
def shipped() -> dict[str, Problem]:
    load_collection()
    return {problem.slug: problem for problem in Problem.objects.all()}


def test_loading_twice_changes_nothing() -> None:
    first, second = load_collection(), load_collection()
    assert first.created == Problem.objects.count() == second.unchanged
    assert (second.created, second.updated, second.refused) == (0, 0, [])


def test_loading_again_restores_shipped_problems_and_leaves_others_alone(shipped: dict[str, Problem]) -> None:
    Problem.objects.filter(slug="r-in-strawberry").update(answer="2")
    Problem.objects.create(slug="mine", title="Mine", statement="Why?", category="Mine")
    assert load_collection().updated == 1
    assert Problem.objects.get(slug="r-in-strawberry").answer == "3"
    assert Problem.objects.filter(slug="mine").exists()


def test_every_problem_says_what_makes_it_checkable(shipped: dict[str, Problem]) -> None:
    for problem in shipped.values():
        assert problem.notes and problem.answer and problem.source and problem.title


def test_repunits_are_as_the_answers_say() -> None:
    def is_prime(number: int) -> bool:
        return number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))

    def ones(count: int, base: int = 10) -> int:
        return sum(base**power for power in range(count))

    for base in range(2, 12):
        for count in range(1, 11 if base > 5 else 17):
            assert not is_prime(ones(count, base)) or is_prime(count)
    assert [count for count in range(1, 8) if is_prime(count) and not is_prime(ones(count))][0] == 3
    assert ones(11, 2) == 2047 == 23 * 89
    assert all(ones(count) % 4 == 3 for count in range(2, 50)) and {square**2 % 4 for square in range(4)} == {0, 1}


def test_parentheses_have_one_solution_and_none(shipped: dict[str, Problem]) -> None:
    answer = shipped["parentheses-479"].answer.replace(r"\cdot", "*").replace("$", "").split("=")[0]
    found = [text for text, value in placements("1 + 2 * 3 + 4 * 5 + 6 * 7 + 8 * 9") if value == 479]
    assert [text.replace(" ", "") for text in found] == [answer.replace(" ", "").strip()]
    assert len(list(placements("1 + 2 * 3 + 4 * 5 + 6 * 7 + 8 * 9"))) == 35
    values = sorted(value for _, value in placements("2 * 3 + 4 * 5 + 6"))
    assert values == [32, 32, 32, 32, 50, 52, 56, 58, 76]


def test_counts_are_right(shipped: dict[str, Problem]) -> None:
    assert shipped["r-in-strawberry"].answer == str("strawberry".count("r"))
    assert shipped["exactly-two-digits"].answer == str(sum(len(set(str(n))) == 2 for n in range(1000, 10_000)))
    assert shipped["order-of-operations"].answer == str(7 + 3 * (12 - 4) ** 2 // 16 - 5)


def test_roots_are_roots(shipped: dict[str, Problem]) -> None:
    assert all(x**3 - 4 * x**2 - 7 * x + 10 == 0 for x in (-2, 1, 5))
    assert all(2 * x**2 - 3 * x - 5 == 0 for x in (-1, 2.5))
    assert r"\{-2, 1, 5\}" in shipped["cubic-three-roots"].answer
    assert r"-1, \tfrac{5}{2}" in shipped["quadratic-with-a-fraction"].answer


def test_program_prints_what_is_said(shipped: dict[str, Problem]) -> None:
    program = re.search(r"```python\n(.*?)```", shipped["mutable-default"].statement, re.DOTALL)
    assert program
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(program[1], {})
    assert f"`{printed.getvalue().strip()}`" in shipped["mutable-default"].answer


def test_syllogism_holds_in_all_worlds() -> None:
    """A world says which kinds of thing (proof, reasons, guess, right answer) there are."""
    kinds = list(product((False, True), repeat=4))
    follows = {"a": True, "b": True, "c": True}
    for world in product((False, True), repeat=len(kinds)):
        things = [kind for kind, is_there in zip(kinds, world, strict=True) if is_there]
        if not all(reasons for proof, reasons, _, _ in things if proof):
            continue
        if any(reasons and guess for _, reasons, guess, _ in things):
            continue
        if not any(guess and right for _, _, guess, right in things):
            continue
        follows["a"] &= not any(guess and proof for proof, _, guess, _ in things)
        follows["b"] &= any(right and not proof for proof, _, _, right in things)
        follows["c"] &= any(right and proof for proof, _, _, right in things)
    assert follows == {"a": True, "b": True, "c": False}
