"""Where one pair of parentheses makes an equation true: every placement is tried."""

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations

from arena.contestants.simulator.solvers.arithmetic import (
    NUMBERS_MAX,
    TOKEN,
    NotArithmetic,
    evaluate,
    expression_tex,
    number_tex,
    plain_signs,
)
from arena.contestants.simulator.solvers.solution import Solution

_EQUATION = re.compile(r"(?<![\d.])(\d+(?:\s*[-+*/]\s*\d+)+)\s*=\s*(-?\d+)(?![\d.])")


def placements(expression: str) -> Iterator[tuple[str, Fraction]]:
    """Every way to put one pair of parentheses around part of a chain of numbers, with its value."""
    tokens = TOKEN.findall(expression)
    count = (len(tokens) + 1) // 2
    for first, last in combinations(range(count), 2):
        if (first, last) == (0, count - 1):
            continue  # around everything it changes nothing
        marked = list(tokens)
        marked[2 * first] = f"({marked[2 * first]}"
        marked[2 * last] = f"{marked[2 * last]})"
        text = " ".join(marked)
        try:
            yield text, evaluate(text)[0]
        except NotArithmetic:
            continue


def _natural_idea(text: str, value: Fraction) -> str:
    return f"Something like ${expression_tex(text)}$ looks natural. But it gives ${number_tex(value)}$."


def solve_parentheses(prompt: str) -> Solution | None:
    match = _EQUATION.search(plain_signs(prompt))
    if match is None or not re.search(r"parenthes|bracket", prompt, re.IGNORECASE):
        return None
    expression, target = match.group(1), Fraction(int(match.group(2)))
    if len(re.findall(r"\d+", expression)) > NUMBERS_MAX:
        return None
    try:
        plain, _ = evaluate(expression)
    except NotArithmetic:
        return None
    tried = list(placements(expression))
    solutions = [text for text, value in tried if value == target]
    shown, goal = expression_tex(expression), number_tex(target)
    misses = sorted(((abs(value - target), text, value) for text, value in tried if value != target))[:3]
    opening = (
        f"Without parentheses the left side is ${shown} = {number_tex(plain)}$, and ${goal}$ is wanted.",
        f"There are ${len(tried)}$ ways to put one pair of parentheses around a part of at least two of the numbers, "
        "so all of them can be tried.",
        *(f"Close, but no: $${expression_tex(text)} = {number_tex(value)}$$" for _, text, value in misses),
    )
    near = misses[0] if misses else None
    slip = f"${expression_tex(near[1])}$ comes out at about the right size." if near else ""
    slip_answer = f"$${expression_tex(near[1])} = {goal}$$" if near else ""
    task = f"where one pair of parentheses makes ${shown} = {goal}$ true"
    if not solutions:
        return Solution(
            task=task,
            steps=(*opening, f"None of the ${len(tried)}$ values is ${goal}$."),
            answer=f"No such placement exists: none of the ${len(tried)}$ ways gives ${goal}$.",
            check=f"The nearest value is ${number_tex(near[2])}$." if near else "There is nothing else to try.",
            slip=slip,
            slip_answer=slip_answer,
        )
    best = solutions[0]
    working = evaluate(best)[1]
    others = f" (There are ${len(solutions)}$ ways in all.)" if len(solutions) > 1 else ""
    return Solution(
        task=task,
        steps=(*opening, f"This one fits: $${expression_tex(best)}$$", *(f"$${operation}$$" for operation in working)),
        answer=f"$${expression_tex(best)} = {goal}$${others}",
        check=f"Step by step: {'; '.join(f'${operation}$' for operation in working)}.",
        false_start=_natural_idea(*misses[-1][1:]) if misses else "",
        slip=slip,
        slip_answer=slip_answer,
    )
