"""Where a text says who wrote it: a name in the first person, or in words that amount to it. No Django here."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from arena.contestants.identity.folding import Folded, fold
from arena.contestants.identity.known_names import Kind
from arena.contestants.identity.lexicon import Lexicon, Name
from arena.contestants.identity.rules import defined, mark, matches

# Of what stands before and after a name so much is looked at, in characters.
BEFORE = 240
AFTER = 72

# Between the parts of one name.
_JOINTS = {"", "-", "/", ":"}
_AMBIGUOUS = {mark(Kind.MAYBE_MODEL), mark(Kind.MAYBE_BOTH)}


@dataclass(frozen=True, slots=True)
class Span:
    """Where a name stands in the original; `keys` tell names apart."""

    start: int
    end: int
    key: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A piece of text with the names in it; `where_of` gives the place of a folded character in the original."""

    original: str
    folded: Folded
    names: tuple[Name, ...]
    skeleton: str
    starts: tuple[int, ...]  # where each name stands in the skeleton

    @classmethod
    def of(cls, original: str, lexicon: Lexicon) -> "Reading":
        folded = fold(original)
        names = lexicon.names_in(folded.text, original, folded.places)
        pieces, starts, at, length = [], [], 0, 0
        for name in names:
            pieces += [folded.text[at : name.start], mark(name.kind)]
            length += name.start - at
            starts.append(length)
            length += 1
            at = name.end
        return cls(original, folded, tuple(names), "".join([*pieces, folded.text[at:]]), tuple(starts))

    def span(self, number: int) -> Span:
        name = self.names[number]
        places = self.folded.places
        return Span(places[name.start], places[name.end - 1] + 1, name.key)

    def is_written_large(self, number: int) -> bool:
        """A word with a capital follows the name, as a surname does."""
        after = self.original[self.span(number).end :]
        return bool(re.match(r"\s[A-Z][a-z]+", after)) and not re.match(
            r"\s(?:And|By|An?|The|AI|I|Model|Assistant)\b", after
        )


def identifying(reading: Reading) -> Iterator[int]:
    """The numbers of the names by which the writer is identified."""
    found: set[int] = set()
    if reading.names:
        for match in matches(reading.skeleton):
            inside = [number for number, start in enumerate(reading.starts) if match.start() <= start < match.end()]
            if inside and _holds(reading, match):
                found.update(inside)
        for number in range(len(reading.names)):
            if _belongs_to_the_one_before(reading, number, found):
                found.add(number)
    yield from sorted(found)


def _belongs_to_the_one_before(reading: Reading, number: int, found: Collection[int]) -> bool:
    """Whether it is its maker's, or the rest of the same name: "I am Claude, made by Anthropic", "DeepSeek-R1-Qwen"."""
    if number - 1 not in found:
        return False
    between = reading.skeleton[reading.starts[number - 1] + 1 : reading.starts[number]]
    return between in _JOINTS or defined("MADE_BY").fullmatch(between) is not None


def _holds(reading: Reading, match: re.Match[str]) -> bool:
    group = next(name for name, text in match.groupdict().items() if text is not None)
    at = match.start(group)
    before, after = reading.skeleton[:at], reading.skeleton[at + 1 :]
    role = group.rstrip("2")
    if role == "v":
        return not _is_said_by_another(before, match)
    if defined("OF_SOMEBODY").match(after) or _is_said_by_another(reading.skeleton[: match.start()], match):
        return False
    if role in {"self", "as"} and defined("A_THING_OF").search(before) and not defined("MODEL_FOLLOWS").match(after):
        return False
    if defined("ATTRIBUTED").match(after):
        return False
    if reading.skeleton[at] in _AMBIGUOUS and role in {"self", "weak", "as"}:
        return _is_no_person(reading, at, after)
    return True


def _is_no_person(reading: Reading, at: int, after: str) -> bool:
    number = reading.starts.index(at)
    if reading.is_written_large(number) or (reading.original.islower() and not defined("NO_SURNAME").match(after)):
        return False
    return not defined("A_PERSON").search(after[:60])


def _is_said_by_another(before: str, match: re.Match[str]) -> bool:
    """In a piece of code, after "the robot says", or in quotation marks that no words of one's own lead to."""
    text = before + match.group()[:1]
    if defined("IN_CODE").search(text):
        return True
    says = defined("SOMEBODY_SAYS").search(before)
    if says is not None and not defined("ONESELF").search(says["lead"] or before[-8:]):
        return True
    quoted = defined("IN_QUOTES").search(text) if text.rpartition("\n")[2].count('"') % 2 else None
    return quoted is not None and bool(quoted["lead"].strip()) and not defined("ONESELF").search(quoted["lead"])
