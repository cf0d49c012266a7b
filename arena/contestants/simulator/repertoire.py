"""Which problem a conversation is about: solved by computing, or told from the texts in `texts/`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from arena.contestants.simulator.generation import Message
from arena.contestants.simulator.solvers.arithmetic import solve_arithmetic
from arena.contestants.simulator.solvers.letters import letters_follow_up, solve_letters
from arena.contestants.simulator.solvers.parentheses import solve_parentheses
from arena.contestants.simulator.solvers.polynomials import solve_polynomial
from arena.contestants.simulator.solvers.solution import Solution

TEXTS = Path(__file__).parent / "texts"
PROMPT_MAX_CHARS = 5000  # the patterns look no further


@dataclass(frozen=True, slots=True)
class Told:
    """A text written out for one reasoner."""

    reasoning: str
    answer: str


@dataclass(frozen=True, slots=True)
class Unsolved:
    """Nothing we know how to do."""


def solve(messages: Sequence[Message], teller: str) -> Told | Solution | Unsolved:
    """What there is to say to the last user message, in the light of the earlier ones."""
    asked = [message["content"][:PROMPT_MAX_CHARS] for message in messages if message["role"] == "user"]
    if not asked:
        return Unsolved()
    prompt, earlier = asked[-1], asked[:-1]
    known = _alone(prompt, teller) or _follow_up(prompt, earlier, teller)
    if known is None and earlier and _ASKS_AGAIN.search(prompt):
        return solve([Message(role="user", content=content) for content in earlier], teller)
    return known or Unsolved()


_ONES = re.compile(
    r"repunit|digits?\b[^.]*\b(?:1|1s|1's|ones?)\b|\b(?:1s|1's|ones)\b[^.]*\bdigits?|consists? of ones", re.I
)
_OTHER_BASES = re.compile(r"\bbas(?:e|es|is)\b", re.I)
_ASKS_AGAIN = re.compile(
    r"\b(?:sure|check|verify|again|explain|why|improve|better|shorter|prove it|step by step)\b", re.I
)
_TOPICS = (
    ("two-digits", re.compile(r"exactly two (?:different|distinct) digits", re.I)),
    ("contrapositive", re.compile(r"student\b.*\bn(?:\^2|²|\^\{2\})\D*\beven\b", re.I | re.S)),
    ("syllogism", re.compile(r"no guess\b.*\bright answers are guesses", re.I | re.S)),
    ("mutable-default", re.compile(r"def add\(\w+, \w+=\[\]\)")),
)  # fmt: skip


def _alone(prompt: str, teller: str) -> Told | Solution | None:
    for topic, pattern in _TOPICS:
        if pattern.search(prompt):
            return _worked(topic)
    if _ONES.search(prompt) and (told := _about_ones(prompt, teller)):
        return told
    return solve_parentheses(prompt) or solve_letters(prompt) or solve_polynomial(prompt) or solve_arithmetic(prompt)


def _about_ones(prompt: str, teller: str) -> Told | Solution | None:
    if re.search(r"\bsquares?\b", prompt, re.I):
        return _worked("repunit-squares")
    if _OTHER_BASES.search(prompt):
        return _told("repunit-bases", teller)
    if re.search(r"\bconverse|counter-?example|other direction|is it enough", prompt, re.I):
        return _worked("repunit-converse")
    if re.search(r"\bprime", prompt, re.I):
        return _told("repunit-primes", teller)
    return None


def _follow_up(prompt: str, earlier: Sequence[str], teller: str) -> Told | Solution | None:
    if not earlier:
        return None
    if any(_ONES.search(before) for before in earlier):
        return (
            _about_ones(f"A prime whose digits are all ones. {prompt}", teller)
            if _NAMES_A_TWIST.search(prompt)
            else None
        )
    return letters_follow_up(prompt, earlier[-1])


_NAMES_A_TWIST = re.compile(
    r"\bbas(?:e|es|is)\b|\bsquares?\b|\bconverse|counter-?example|other direction|is it enough", re.I
)


@cache
def _told(topic: str, teller: str) -> Told:
    sections = _sections(TEXTS / f"{topic}.{teller}.md")
    return Told(sections["Reasoning"], sections["Answer"])


@cache
def _worked(topic: str) -> Solution:
    sections = _sections(TEXTS / f"{topic}.md")
    return Solution(
        task=sections["Task"],
        steps=tuple(sections["Steps"].split("\n\n")),
        answer=sections["Answer"],
        check=sections["Check"],
        false_start=sections["False start"],
        slip=sections["Slip"],
        slip_answer=sections["Slip answer"],
    )


def _sections(path: Path) -> dict[str, str]:
    """The parts of a text under its `## ` headings."""
    parts = re.split(r"^## (.+)\n", path.read_text("utf-8"), flags=re.MULTILINE)[1:]
    return {title: text.strip() for title, text in zip(parts[::2], parts[1::2], strict=True)}
