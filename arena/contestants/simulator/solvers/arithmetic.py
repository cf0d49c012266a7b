"""Whole-number arithmetic: reads an expression, carries it out, notes every operation."""

import re
from collections.abc import Sequence
from fractions import Fraction

from arena.contestants.simulator.solvers.solution import Solution

NUMBERS_MAX = 30
DIGITS_MAX = 60
EXPONENT_MAX = 200


class NotArithmetic(ValueError):
    """Not an expression, or one too large to be worked out."""


class _Reader:
    """A recursive descent over numbers, + - * / ^ and parentheses, which notes every operation it carries out."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self.operations: list[str] = []
        self.undone: list[str] = []
        self.value = self._whole()

    def _whole(self) -> Fraction:
        value = self._sum()
        if self._at != len(self._tokens):
            raise NotArithmetic("something follows the expression")
        return value

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _sum(self) -> Fraction:
        value = self._product()
        while self._peek() in {"+", "-"}:
            value = self._apply(value, self._next(), self._product())
        return value

    def _product(self) -> Fraction:
        value = self._power()
        while self._peek() in {"*", "/"}:
            value = self._apply(value, self._next(), self._power())
        return value

    def _power(self) -> Fraction:
        if self._peek() == "-":
            self._next()
            return -self._power()
        value = self._atom()
        if self._peek() == "^":
            return self._apply(value, self._next(), self._power())
        return value

    def _atom(self) -> Fraction:
        token = self._next()
        if token == "(":
            value = self._sum()
            if self._next() != ")":
                raise NotArithmetic("a parenthesis is not closed")
            return value
        if not token.isdigit():
            raise NotArithmetic("a number is missing")
        return Fraction(int(token))

    def _apply(self, left: Fraction, sign: str, right: Fraction) -> Fraction:
        value = _operate(left, sign, right)
        if len(str(value)) > DIGITS_MAX:
            raise NotArithmetic("the numbers become too large")
        shown = f"({right})" if right < 0 else str(right)
        self.operations.append(f"{left} {_SHOWN.get(sign, sign)} {shown} = {value}")
        inverse = _INVERSE.get(sign)
        if inverse and not (sign == "*" and right == 0):
            self.undone.insert(0, f"{value} {_SHOWN.get(inverse, inverse)} {shown} = {left}")
        return value


_SHOWN = {"*": r"\cdot", "/": "/"}


def _operate(left: Fraction, sign: str, right: Fraction) -> Fraction:
    if sign == "+":
        return left + right
    if sign == "-":
        return left - right
    if sign == "*":
        return left * right
    if sign == "/":
        if not right:
            raise NotArithmetic("division by zero")
        return left / right
    if right.denominator != 1 or not 0 <= right <= EXPONENT_MAX:
        raise NotArithmetic("only small whole exponents")
    return Fraction(left ** int(right))


TOKEN = re.compile(r"\d+|[-+*/^()]")
_ARITHMETIC_WORDS = (
    (r"\bplus\b", "+"), (r"\bminus\b", "-"), (r"\b(?:times|multiplied by)\b", "*"), (r"\bdivided by\b", "/"),
    (r"\bto the power of\b", "^"), (r"(?<=\d)\s*[xX]\s*(?=\d)", "*"),
)  # fmt: skip


_SIGNS = str.maketrans("×·÷−–\u00a0", "**/-- ")


def plain_signs(prompt: str) -> str:
    text = prompt.replace("**", "^").replace("\\cdot", "*").replace("\\times", "*").replace("$", " ")
    return text.translate(_SIGNS)


def evaluate(expression: str) -> tuple[Fraction, list[str]]:
    """The value, and the operations in the order they are carried out. Raises NotArithmetic."""
    reader = _read(expression)
    return reader.value, reader.operations


def _read(expression: str) -> _Reader:
    tokens = TOKEN.findall(expression)
    if not tokens or len(tokens) > 4 * NUMBERS_MAX or any(len(token) > DIGITS_MAX for token in tokens):
        raise NotArithmetic("too long")
    return _Reader(tokens)


_EXPRESSION = re.compile(r"[-(\s]*\d[\d\s+\-*/^()]*")


_ASKED = re.compile(r"\b(?:what|how much|compute|calculate|evaluate|work out|simplify|value|result)\b|=", re.IGNORECASE)


def solve_arithmetic(prompt: str) -> Solution | None:
    text = plain_signs(prompt)
    for pattern, sign in _ARITHMETIC_WORDS:
        text = re.sub(pattern, sign, text)
    if not _ASKED.search(text) and re.search(r"[a-zA-Z]{2}", text):
        return None  # digits and dashes in passing, such as dates
    found = (match.group().strip() for match in _EXPRESSION.finditer(text))
    expression = max(
        (each for each in found if re.search(r"\d\s*\)*\s*[-+*/^]\s*[-(]*\s*\d", each)), key=len, default=""
    )
    expression = expression.rstrip("-+*/^( ")
    try:
        reader = _read(expression)
    except NotArithmetic:
        return None
    value, operations, shown = reader.value, reader.operations, expression_tex(expression)
    hurried = _left_to_right(expression)
    is_wrong = hurried is not None and hurried != value
    return Solution(
        task=f"what ${shown}$ is",
        steps=(
            "Parentheses come first, then powers, then products and quotients from left to right, then sums and "
            "differences from left to right.",
            *(f"$${operation}$$" for operation in operations),
        ),
        answer=f"$${shown} = {number_tex(value)}$$",
        check=_check_of(reader.undone),
        false_start=(
            f"Simply going from left to right would give ${number_tex(hurried)}$. But products bind more tightly "
            "than sums, so that is not what the expression means."
            if hurried is not None and is_wrong
            else ""
        ),
        slip=f"Going through it from left to right gives ${number_tex(hurried)}$." if hurried and is_wrong else "",
        slip_answer=f"$${shown} = {number_tex(hurried)}$$" if hurried is not None and is_wrong else "",
    )


_INVERSE = {"+": "-", "-": "+", "*": "/", "/": "*"}


def _check_of(undone: Sequence[str]) -> str:
    if not undone:
        return "There is only a power in it: multiplying it out once more gives the same."
    return f"Backwards, each operation undone: {'; '.join(f'${each}$' for each in undone)}."


def _left_to_right(expression: str) -> Fraction | None:
    """What someone gets who forgets that products bind more tightly; None with parentheses or powers."""
    tokens = TOKEN.findall(expression)
    numbers, signs = tokens[::2], tokens[1::2]
    if not all(token.isdigit() for token in numbers) or any(token.isdigit() or token in "()^" for token in signs):
        return None
    value = Fraction(int(numbers[0]))
    for sign, number in zip(signs, numbers[1:], strict=True):
        if sign == "/" and number.strip("0") == "":
            return None
        value = _operate(value, sign, Fraction(int(number)))
    return value


def expression_tex(expression: str) -> str:
    spaced = re.sub(r"\s+", " ", re.sub(r"([-+*/])", r" \1 ", expression)).strip()
    return re.sub(r"\^\s*(\d+)", r"^{\1}", spaced.replace("( ", "(").replace(" )", ")")).replace("*", r"\cdot")


def number_tex(value: Fraction | None) -> str:
    if value is None:
        return ""
    sign = "-" if value < 0 else ""
    if value.denominator == 1:
        return str(value.numerator)
    return rf"{sign}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"
