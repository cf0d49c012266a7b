"""Polynomial equations with whole coefficients: rational roots, quadratic formula, and bisection for what remains."""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import gcd, isqrt, lcm

from arena.contestants.simulator.solvers.arithmetic import number_tex, plain_signs
from arena.contestants.simulator.solvers.solution import Solution

DEGREE_MAX = 8
COEFFICIENT_MAX = 10**6

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_TERM = re.compile(r"([+-]?)\s*(\d*)\s*\*?\s*(?:([a-z])(?:\s*\^\s*(\d+))?)?\s*")
_SIDE = (
    r"[-+]?\s*(?:\d+\s*\*?\s*[a-z]?|[a-z])(?:\s*\^\s*\d+)?(?:\s*[-+]\s*(?:\d+\s*\*?\s*[a-z]?|[a-z])(?:\s*\^\s*\d+)?)*"
)
_POLYNOMIAL = re.compile(rf"(?<![\w^*/.]){_SIDE}\s*=\s*{_SIDE}(?![\w^*/.]*\w)")


def solve_polynomial(prompt: str) -> Solution | None:
    text = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda match: "^" + match.group().translate(_SUPERSCRIPTS), prompt)
    text = plain_signs(text).replace("{", "").replace("}", "").lower()
    for match in _POLYNOMIAL.finditer(text):
        left, right = match.group().split("=")
        names = set(re.findall(r"[a-z]", match.group()))
        if len(names) != 1:
            continue
        coefficients = _difference(_terms(left), _terms(right))
        if coefficients is not None:
            return _roots_of(coefficients, names.pop())
    return None


def _terms(side: str) -> dict[int, int]:
    found: dict[int, int] = {}
    for sign, number, name, power in _TERM.findall(side):
        if not number and not name:
            continue
        degree = int(power or 1) if name else 0
        value = int(number or 1) * (-1 if sign == "-" else 1)
        found[degree] = found.get(degree, 0) + value
    return found


def _difference(left: dict[int, int], right: dict[int, int]) -> list[int] | None:
    """Coefficients from the constant up, of left - right; None if it is no equation we solve."""
    degree = max((*left, *right), default=0)
    if degree > DEGREE_MAX:
        return None
    coefficients = [left.get(power, 0) - right.get(power, 0) for power in range(degree + 1)]
    while coefficients and coefficients[-1] == 0:
        coefficients.pop()
    if len(coefficients) < 2 or max(map(abs, coefficients)) > COEFFICIENT_MAX:
        return None
    return coefficients


def rational_roots(coefficients: Sequence[int]) -> tuple[list[Fraction], list[Fraction]]:
    """Rational roots with multiplicity, ascending, and the coefficients of what remains after dividing them out."""
    rest = [Fraction(value) for value in coefficients]
    roots: list[Fraction] = []
    while len(rest) > 1 and rest[0] == 0:
        rest = rest[1:]
        roots.append(Fraction(0))
    scale = coefficients[-1]
    constant = next(value for value in coefficients if value)
    for candidate in _candidates(constant, scale):
        while len(rest) > 1 and _value(rest, candidate) == 0:
            rest = _divided(rest, candidate)
            roots.append(candidate)
    return sorted(roots), rest


def _candidates(constant: int, leading: int) -> Iterator[Fraction]:
    """By the rational root theorem: divisors of the constant over divisors of the leading coefficient."""
    found = {Fraction(top, bottom) for top in _divisors(constant) for bottom in _divisors(leading)}
    for value in sorted(found):
        yield value
        yield -value


def _divisors(number: int) -> list[int]:
    number = abs(number)
    low = [each for each in range(1, isqrt(number) + 1) if number % each == 0]
    return sorted({*low, *(number // each for each in low)})


def _value(coefficients: Sequence[Fraction], x: Fraction) -> Fraction:
    total = Fraction(0)
    for coefficient in reversed(coefficients):
        total = total * x + coefficient
    return total


def _divided(coefficients: Sequence[Fraction], root: Fraction) -> list[Fraction]:
    """Synthetic division by (x - root), which leaves no remainder."""
    quotient: list[Fraction] = []
    carry = Fraction(0)
    for coefficient in reversed(coefficients[1:]):
        carry = carry * root + coefficient
        quotient.append(carry)
    return quotient[::-1]


def square_free(coefficients: Sequence[Fraction]) -> list[Fraction]:
    """The same roots, each once: the polynomial divided by what it shares with its derivative (Euclid)."""
    shared = list(coefficients)
    other = [power * value for power, value in enumerate(coefficients)][1:]
    while any(other):
        shared, other = other, _division(shared, other)[1]
    return _division(coefficients, shared)[0]


def _division(dividend: Sequence[Fraction], divisor: Sequence[Fraction]) -> tuple[list[Fraction], list[Fraction]]:
    """Quotient and remainder; the remainder without leading zeros."""
    rest = list(dividend)
    quotient: list[Fraction] = []
    while len(rest) >= len(divisor):
        factor = rest[-1] / divisor[-1]
        quotient.insert(0, factor)
        offset = len(rest) - len(divisor)
        for power, value in enumerate(divisor):
            rest[offset + power] -= factor * value
        rest.pop()
    while rest and not rest[-1]:
        rest.pop()
    return quotient, rest


def real_roots(coefficients: Sequence[float]) -> list[float]:
    """Real roots where the sign changes: bisection between turning points, the real roots of the derivative."""
    if len(coefficients) == 2:
        return [-coefficients[0] / coefficients[1]]
    bound = 1 + max(abs(value / coefficients[-1]) for value in coefficients[:-1])
    turning = real_roots([power * value for power, value in enumerate(coefficients)][1:])
    edges = [-bound, *sorted(turning), bound]
    return [
        root
        for low, high in zip(edges, edges[1:], strict=False)
        if (root := _bisected(coefficients, low, high)) is not None
    ]


def _bisected(coefficients: Sequence[float], low: float, high: float) -> float | None:
    def value(x: float) -> float:
        total = 0.0
        for coefficient in reversed(coefficients):
            total = total * x + coefficient
        return total

    rises = value(low) < 0
    if rises == (value(high) < 0):
        return None
    for _ in range(200):
        middle = (low + high) / 2
        if (value(middle) < 0) == rises:
            low = middle
        else:
            high = middle
    return low


def _roots_of(coefficients: list[int], name: str) -> Solution:
    roots, rest = rational_roots(coefficients)
    shown = polynomial_tex(coefficients, name)
    steps = [f"With everything on one side the equation is $${shown} = 0$$"]
    if len(coefficients) > 2:
        steps.append(
            f"A rational root must be a divisor of ${abs(next(value for value in coefficients if value))}$ over a "
            f"divisor of ${abs(coefficients[-1])}$ (rational root theorem), so only a few have to be tried."
            if len(coefficients) != 3 or roots
            else "No rational number is a root, so the quadratic formula has to do it."
        )
    remaining: list[int] | list[Fraction] = list(coefficients)
    for root in roots:
        quotient = _divided([Fraction(value) for value in remaining], root)
        factor = f"{name}" if root == 0 else f"{name} {'-' if root > 0 else '+'} {number_tex(abs(root))}"
        steps.append(
            f"${name} = {number_tex(root)}$ is a root; "
            f"dividing by ${factor}$ leaves ${polynomial_tex(quotient, name)}$."
        )
        remaining = quotient
    rest_steps, rest_roots = _rest(rest, name)
    steps.extend(rest_steps)
    named = [number_tex(root) for root in sorted(set(roots))] + rest_roots
    twice = [number_tex(root) for root in sorted(set(roots)) if roots.count(root) > 1]
    doubled = f" (${', '.join(twice)}$ more than once)" if twice else ""
    answer = f"{_set_tex(name, named)}{doubled}" if named else "The equation has no real solutions."
    slip_named = [number_tex(-root) for root in sorted(set(roots))] + rest_roots
    is_slip = roots and len(coefficients) > 2 and slip_named != named and set(slip_named) != set(named)
    return Solution(
        task=f"which ${name}$ satisfy ${shown} = 0$",
        steps=tuple(steps),
        answer=answer,
        check=_check_of_roots(coefficients, roots, rest, name),
        false_start=_wrong_sign(coefficients, roots, name),
        slip=f"It factors, and the roots can be read off the factors: ${', '.join(slip_named)}$." if is_slip else "",
        slip_answer=_set_tex(name, slip_named) if is_slip else "",
    )


def _set_tex(name: str, roots: Sequence[str]) -> str:
    return f"$${name} \\in \\left\\{{{', '.join(roots)}\\right\\}}$$"


def _wrong_sign(coefficients: Sequence[int], roots: Sequence[Fraction], name: str) -> str:
    if not roots or not roots[-1] or -roots[-1] in roots:
        return ""
    tried = -roots[-1]
    value = number_tex(_value([Fraction(each) for each in coefficients], tried))
    return f"Trying ${name} = {number_tex(tried)}$: the left side is then ${value}$, not $0$. A sign matters here."


def _rest(rest: list[Fraction], name: str) -> tuple[list[str], list[str]]:
    """Steps and roots of the factor that has no rational root."""
    if len(rest) < 3:
        return [], []
    scaled = _whole_numbers(rest)
    if len(rest) == 3:
        return _quadratic(scaled, name)
    numbers = [f"{root:.6f}" for root in real_roots([float(value) for value in square_free(rest)])]
    if not numbers:
        return [
            f"${polynomial_tex(scaled, name)}$ never becomes $0$ for a real number: its least value is above $0$."
        ], []
    return (
        [
            f"${polynomial_tex(scaled, name)}$ has no rational root. Bisection gives "
            f"the real roots, here to six decimals: ${', '.join(numbers)}$."
        ],
        [rf"{number}\ldots" for number in numbers],
    )


def _whole_numbers(coefficients: Sequence[Fraction]) -> list[int]:
    scale = lcm(*(value.denominator for value in coefficients))
    return [int(value * scale) for value in coefficients]


def _quadratic(coefficients: Sequence[int], name: str) -> tuple[list[str], list[str]]:
    c, b, a = coefficients
    if a < 0:
        a, b, c = -a, -b, -c
    discriminant = b * b - 4 * a * c
    square, kernel = _square_part(abs(discriminant))
    shared = gcd(b, square, 2 * a)
    top, root, bottom = -b // shared, square // shared, 2 * a // shared
    radical = (str(root) if root > 1 else "") + (rf"\sqrt{{{kernel}}}" if kernel > 1 else "" if root > 1 else "1")
    radical += "i" if discriminant < 0 else ""
    formula = rf"\frac{{{-b} \pm \sqrt{{{discriminant}}}}}{{{2 * a}}}"
    step = (
        f"For ${polynomial_tex([c, b, a], name)} = 0$ the discriminant is "
        f"${b * b} - 4 \\cdot {_bracketed(a)} \\cdot {_bracketed(c)} = {discriminant}$, so $${name} = {formula}$$"
    )
    kind = [] if discriminant > 0 else ["The discriminant is negative: these two solutions are not real but complex."]
    return [step, *kind], [_surd(top, sign, radical, bottom) for sign in "-+"]


def _surd(top: int, sign: str, radical: str, bottom: int) -> str:
    above = f"{top} {sign} {radical}" if top else (radical if sign == "+" else f"-{radical}")
    return above if bottom == 1 else rf"\frac{{{above}}}{{{bottom}}}"


def _square_part(number: int) -> tuple[int, int]:
    """`number` = square² * kernel, the square as large as possible."""
    square = max((each for each in range(1, min(isqrt(number), 100_000) + 1) if number % (each * each) == 0), default=1)
    return square, number // (square * square)


def _bracketed(number: int) -> str:
    return f"({number})" if number < 0 else str(number)


def polynomial_tex(coefficients: Sequence[int] | Sequence[Fraction], name: str) -> str:
    text = ""
    for power in range(len(coefficients) - 1, -1, -1):
        value = Fraction(coefficients[power])
        if not value:
            continue
        number = number_tex(abs(value)) if abs(value) != 1 or power == 0 else ""
        sign = ("-" if value < 0 else "") if not text else (" - " if value < 0 else " + ")
        text += sign + number + ("" if power == 0 else name if power == 1 else f"{name}^{{{power}}}")
    return text or "0"


def _check_of_roots(coefficients: Sequence[int], roots: Sequence[Fraction], rest: Sequence[Fraction], name: str) -> str:
    total = number_tex(Fraction(-coefficients[-2], coefficients[-1]))
    if len(rest) == 1:
        found_total = number_tex(sum(roots, Fraction()))
        return f"By Vieta the roots, with multiplicity, must add up to ${total}$, and they do: ${found_total}$."
    if roots:
        places = ", ".join(f"${name} = {number_tex(root)}$" for root in sorted(set(roots)))
        return f"Putting the rational roots back in gives $0$ each time: {places}."
    if len(coefficients) == 3:
        return f"The two values of the formula add up to ${total}$, as Vieta demands."
    found = real_roots([float(value) for value in square_free(rest)])
    if not found:
        return "The left side never changes its sign, so there is no real root."
    errors = (abs(float(_value([Fraction(value) for value in coefficients], Fraction(root)))) for root in found)
    return f"Put back in, the real roots leave less than ${max(*errors, 0.0, 1e-6):.6f}$."
