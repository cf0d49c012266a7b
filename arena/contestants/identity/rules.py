"""In which surroundings a name is the writer's own. No Django here.

The rules read a skeleton: a folded text in which each name is one character that says what it stands for. So "I am
Google's Gemini" and "I am Meta AI's Llama 3" are the same to them.

They are in `languages/`, a file for each language or group of languages, beside the questions that ask for an identity.
They are regular expressions laid out to be read: white space means nothing, `_` is a space, `<NAME>` stands for what is
defined under that name in any of the files, or here. A rule has one group around the name that it is about, called
after what else must hold of that name:

- `self`: "I am <N>", which may be a person's name, or go on "... user"
- `as`: "as <N>, I", the same
- `weak`: any other surroundings of a name that might be a person's or a thing's
- `s`: surroundings in which it can hardly be anything else
- `v`: a maker, who is a maker whatever follows
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from arena.contestants.identity.known_names import Kind

LANGUAGES = Path(__file__).with_name("languages")
QUESTIONS = "questions"
FIRST_CODE = 0xE000

_REFERENCE = re.compile(r"<([A-Z_]+)>")


def mark(kind: Kind) -> str:
    """The character that stands for a name in a skeleton."""
    return chr(FIRST_CODE + kind)


def _any_of(*kinds: Kind) -> str:
    return "".join(map(mark, kinds))


_ALL = _any_of(*Kind)

# What every language may refer to.
NAMES = {
    "X": f"[{_ALL}]",  # any name
    "N": f"[{_any_of(Kind.MODEL, Kind.MAYBE_MODEL, Kind.BOTH, Kind.MAYBE_BOTH)}]",  # a model's
    "S": f"[{_any_of(Kind.MODEL, Kind.BOTH)}]",  # surely a model's
    "V": f"[{_any_of(Kind.MAKER, Kind.MAYBE_MAKER, Kind.BOTH, Kind.MAYBE_BOTH)}]",  # a maker's
    "A": f"[{_any_of(Kind.MAKER, Kind.BOTH)}]",  # of one who is known for language models
    "GAP": f"[^.!?\\n{_ALL}]",  # on in the same sentence, past no other name
    "ON": r"[^.!?\n]",  # on in the same sentence
}


@cache
def defined(name: str) -> re.Pattern[str]:
    """What some file defines under this name."""
    return re.compile(_expanded(f"<{name}>"))


@cache
def rules_in(file: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(_expanded(rule)) for rule in _read(file)[1])


@cache
def rules() -> tuple[re.Pattern[str], ...]:
    """By which a text identifies its writer, in all languages."""
    return tuple(rule for file in _files() if file != QUESTIONS for rule in rules_in(file))


def matches(skeleton: str) -> Iterator[re.Match[str]]:
    for rule in rules():
        yield from rule.finditer(skeleton)


def _files() -> list[str]:
    return sorted(path.stem for path in LANGUAGES.glob("*.txt"))


@cache
def _definitions() -> dict[str, str]:
    return NAMES | {name: pattern for file in _files() for name, pattern in _read(file)[0].items()}


def _expanded(pattern: str) -> str:
    while _REFERENCE.search(pattern):
        pattern = _REFERENCE.sub(lambda reference: _definitions()[reference[1]], pattern)
    return pattern.replace("_", " ")


def _read(file: str) -> tuple[dict[str, str], list[str]]:
    """Definitions and rules, which are separated by empty lines; a line that begins with # says something to people."""
    text = (LANGUAGES / f"{file}.txt").read_text(encoding="utf-8")
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("# "))
    defined: dict[str, str] = {}
    rules = []
    for block in filter(None, (block.strip() for block in re.split(r"\n\s*\n", lines))):
        name = re.match(r"([A-Z_]+) =\s", block)
        pattern = "".join(block[name.end() if name else 0 :].split())
        if name:
            defined[name[1]] = pattern
        else:
            rules.append(pattern)
    return defined, rules
