"""How often a letter occurs in a word: counted."""

import re
from collections.abc import Sequence

from arena.contestants.simulator.solvers.solution import Solution

WORD_MAX = 200

_LETTER = r"[\"'“”‘’`*]*(?P<letter>[a-z])[\"'“”‘’`*]*(?:s\b)?"
_TEXT = (
    r"(?:the\s+|this\s+)?(?:english\s+)?(?:word\s+|name\s+|phrase\s+|string\s+|sentence\s+)?"
    r"(?:[\"“‘`'*]+(?P<quoted>[^\"”’`'*\n]+)[\"”’`'*]+|(?P<word>[a-z][a-z-]*))"
)
_COUNT_LETTERS = re.compile(
    rf"\b(?:how\s+many|how\s+often|count|number\s+of)\b(?:\s+(?:times|does|do|is|the|of|letters?|occurrences))*"
    rf"\s+{_LETTER}(?![a-z])[^.?!\n]{{0,40}}?\b(?:in|of)\s+{_TEXT}",
    re.IGNORECASE,
)


def solve_letters(prompt: str) -> Solution | None:
    match = _COUNT_LETTERS.search(prompt)
    if match is None:
        return None
    return count_letters(match["letter"], match["quoted"] or match["word"])


def count_letters(letter: str, text: str) -> Solution | None:
    if len(text) > WORD_MAX:
        return None
    letter = letter.lower()
    places = [number for number, char in enumerate(text, start=1) if char.lower() == letter]
    spelled = "-".join(text.replace(" ", "␣"))
    doubled = len(places) - sum(1 for place in places if place + 1 in places)
    return Solution(
        task=f"how many times the letter “{letter}” occurs in “{text}”",
        steps=(
            f"Spelled out, the text is {spelled}: {len(text)} characters.",
            *(
                f"Character {place} is “{text[place - 1]}”: that makes {count}."
                for count, place in enumerate(places, 1)
            ),
            *(() if places else (f"None of the characters is “{letter}”.",)),
        ),
        answer=f"The letter “{letter}” occurs **{len(places)}** {'time' if len(places) == 1 else 'times'} in “{text}”"
        + (f": at {_listed(places)}." if places else "."),
        check=f"Taking every “{letter}” away leaves {len(text) - len(places)} of the {len(text)} characters, "
        f"and {len(text)} - {len(text) - len(places)} = {len(places)}.",
        false_start=(
            f"My first impression is {doubled}. But a doubled letter is easily heard as one, so it has to be counted."
            if doubled != len(places)
            else ""
        ),
        slip=f"Saying “{text}” aloud, the “{letter}” sounds {doubled} times." if doubled != len(places) else "",
        slip_answer=f"The letter “{letter}” occurs **{doubled}** {'time' if doubled == 1 else 'times'} in “{text}”."
        if doubled != len(places)
        else "",
    )


def letters_follow_up(prompt: str, earlier: str) -> Solution | None:
    """ "And in raspberry?" or "and how many b?" after a question about letters."""
    before = _COUNT_LETTERS.search(earlier)
    if before is None:
        return None
    word = re.search(rf"\b(?:in|about)\s+{_TEXT}\s*[?.!]*\s*$", prompt, re.IGNORECASE)
    letter = re.search(
        rf"\b(?:many|about|letters?)\s+(?:the\s+)?(?:letter\s+)?{_LETTER}(?![a-z])", prompt, re.IGNORECASE
    )
    if letter and len(prompt) < WORD_MAX:
        return count_letters(letter["letter"], before["quoted"] or before["word"])
    if word and len(prompt) < WORD_MAX:
        return count_letters(before["letter"], word["quoted"] or word["word"])
    return None


def _listed(places: Sequence[int]) -> str:
    numbers = [str(place) for place in places]
    start = f"{', '.join(numbers[:-1])} and " if len(numbers) > 1 else ""
    return f"position{'s' if len(numbers) > 1 else ''} {start}{numbers[-1]}"
