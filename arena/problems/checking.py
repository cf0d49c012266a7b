"""Does a written answer end where the reference does? Texts in, a plain yes, no or cannot tell out; no Django here.

Only what is certain is said. A final answer that is not marked as one, or that stands among other numbers, is left to
people: a wrong "no" would be worse than none.
"""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction

# Longer ones are data, not answers, and would cost a long division.
NUMBER_MAX_CHARS = 60
# Final answers stand at the end.
END_CHARS = 20_000

_BOXED = re.compile(r"\\boxed\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{\s*(-?\d+)\s*\}\s*\{\s*(\d+)\s*\}")
_NUMBER = re.compile(r"(?<![\w.,/])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:\s*/\s*\d+)?(?![\w/]|[.,]\d)")
_SAID = re.compile(r"(?:answer|result|total)(?:\s+(?:is|are|comes? to))?\s*[:=]?\s*", re.IGNORECASE)
_MARKUP = re.compile(r"[*_`$]|\\[()\[\],;! ]|\\(?:text|mathrm|left|right)\b")


def matches(checker: str, reference: str, answer: str) -> bool | None:
    """Whether the answer's end agrees with the reference's; None where this cannot tell."""
    check, end = _CHECKS.get(checker), answer[-END_CHARS:]
    return check(reference, end) if check and reference.strip() and end.strip() else None


def _same_number(reference: str, answer: str) -> bool | None:
    wanted, found = _the_one(_numbers(reference)), _final_number(answer)
    return None if wanted is None or found is None else found == wanted


def _same_solutions(reference: str, answer: str) -> bool | None:
    """Sets, which only a box marks as complete."""
    wanted, boxes = set(_numbers(reference)), _BOXED.findall(answer)
    found = {number for box in boxes for number in _numbers(box)}
    return found == wanted if wanted and found else None


def _final_number(answer: str) -> Fraction | None:
    """What is boxed last, or said to be the answer, or the only number of the last paragraph or of all."""
    if boxes := _BOXED.findall(answer):
        return _the_one(_numbers(boxes[-1]))
    paragraphs = [part for part in answer.split("\n\n") if part.strip()]
    said = _SAID.split(paragraphs[-1])
    if len(said) > 1 and (after := _numbers(said[-1])) and len(set(after)) == 1:
        return after[0]
    last = _the_one(_numbers(paragraphs[-1]))
    return _the_one(_numbers(answer)) if last is None else last


def _the_one(numbers: list[Fraction]) -> Fraction | None:
    return numbers[0] if len(set(numbers)) == 1 else None


def _numbers(text: str) -> list[Fraction]:
    plain = _MARKUP.sub(" ", _FRACTION.sub(r" \1/\2 ", text)).replace("−", "-")
    return [number for found in _NUMBER.findall(plain) if (number := _read(found)) is not None]


def _read(digits: str) -> Fraction | None:
    if len(digits) > NUMBER_MAX_CHARS:
        return None
    try:
        above, _, below = digits.replace(",", "").replace(" ", "").partition("/")
        return Fraction(above) / Fraction(below or "1")
    except (ValueError, ZeroDivisionError):
        return None


_CHECKS: Mapping[str, Callable[[str, str], bool | None]] = {"number": _same_number, "solutions": _same_solutions}
CHECKABLE = frozenset(_CHECKS)
