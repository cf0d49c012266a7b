"""Is the same asked again and again? Texts in, a finding out; no Django here.

Somebody who knows how a contestant answers one question recognises it behind its letter. So the same question, judged
by the same person many times, is worth a look, and so is the same question with a word changed or a number added.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

# So many questions that are (nearly) the same. A few are curiosity.
MANY = 10
# Of the pieces that two questions have between them, so many are in both (Jaccard's index; Broder 1997, "On the
# resemblance and containment of documents", doi:10.1109/SEQUEN.1997.666900).
ALIKE = 0.7
PIECE = 5
# What is looked at of a question, and how many questions back.
FIRST_CHARS = 2_000
LOOKED_AT = 300

_NO_WORD = re.compile(r"\W+")


@dataclass(frozen=True, slots=True)
class Repetition:
    """`times` questions of `questions` that are nearly this one."""

    prompt: str
    times: int
    questions: int

    @property
    def is_clear(self) -> bool:
        return self.times >= MANY


def repetition(prompts: Sequence[str]) -> Repetition | None:
    """The question that was asked most often, of the last LOOKED_AT; None without any. Each is compared with the first
    of every kind found so far."""
    looked_at = list(prompts)[-LOOKED_AT:]
    kinds: list[tuple[str, frozenset[str]]] = []
    counts: list[int] = []
    for prompt in looked_at:
        pieces = _pieces(prompt)
        kind = next((number for number, (_, first) in enumerate(kinds) if _alike(pieces, first)), len(kinds))
        if kind == len(kinds):
            kinds.append((prompt, pieces))
            counts.append(0)
        counts[kind] += 1
    if not kinds:
        return None
    top = max(range(len(kinds)), key=lambda number: counts[number])
    return Repetition(kinds[top][0], counts[top], len(looked_at))


def _pieces(prompt: str) -> frozenset[str]:
    """Every PIECE letters in a row; case, spaces and signs make no difference."""
    text = _NO_WORD.sub(" ", unicodedata.normalize("NFKC", prompt[:FIRST_CHARS]).casefold()).strip() or prompt[:PIECE]
    return frozenset(text[start : start + PIECE] for start in range(max(1, len(text) - PIECE + 1)))


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    if min(len(one), len(other)) < ALIKE * max(len(one), len(other)):
        return False
    return len(one & other) >= ALIKE * len(one | other)
