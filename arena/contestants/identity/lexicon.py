"""The names that are looked for: those everybody knows, and those of the catalogue. No Django here."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from arena.contestants.identity.folding import DISGUISED, FORMS, LOOKALIKES, fold, lookalikes_of
from arena.contestants.identity.known_names import DIVISIONS, KNOWN, ORDINARY_WORDS, VARIANTS, WRITTEN_SMALL, Kind

_GAP = r"[ .\-/:]?"
_MODELS = (Kind.MODEL, Kind.MAYBE_MODEL, Kind.BOTH, Kind.MAYBE_BOTH)
_LATIN = re.compile(r"[a-z0-9][a-z0-9 .+:/@-]*\Z")
_VERSION = (
    r"(?:[ \-:.]?(?:v ?)?\d+(?:[.\-x]\d+)*(?:[bmkoex]|-?it)?(?![a-z]))?"
    rf"(?:[ \-:.](?:(?:{VARIANTS})(?![a-z])|(?:r|v)?\d+(?:\.\d+)?[bmk]?(?![a-z])))*"
)
# Longer beginnings are none.
LONGEST = 60

Trie = dict[str, "Trie"]

_SPACES = re.compile(r"[ .\-_/:]+")
_SUFFIXES = re.compile(r"\s*(?:\(.*|,.*|\b(?:on|through|with|via|at|by)\b.*)\Z")
_SENTENCE_END = re.compile(r"[.!?\n]")
_VERSIONED = re.compile(r"[\s:.-]+v?\d.*\Z")
_HAS_SHAPE = re.compile(r"\d|[a-z][A-Z]|[A-Z]{2}")

# What a lexicon looks for in text as it comes: up to so many other characters may stand between two letters.
_ORNAMENT = r"[\W_]{0,4}"
# Letters that may be those of any name.
_DISGUISES = rf"(?=[^\x00-\x7f])(?:[{re.escape(DISGUISED)}]|(?<=[A-Za-z])[{LOOKALIKES}]|[{LOOKALIKES}](?=[A-Za-z]))"


@dataclass(frozen=True, slots=True)
class Name:
    """A name in a folded text: its span, and what it stands for."""

    start: int
    end: int
    kind: Kind
    key: str


class Vocabulary:
    """Some names, as patterns. `suspects` matches raw text that holds a name, or ends in what may begin one: it matches
    too much, never too little. Of Latin names only the `small` ones may begin with a small letter; those of them that
    are `ordinary` words only where the whole sentence does without capitals."""

    def __init__(
        self,
        kinds: Mapping[str, Kind],
        *,
        small: Collection[str],
        ordinary: Collection[str] = (),
        watches_disguises: bool = False,
    ) -> None:
        first_words = set(small) - set(ordinary)
        small = {name for name in kinds if name in small or name.partition(" ")[0] in first_words}
        self._kinds = {_key(name): kind for name, kind in kinds.items()}
        self._small = {_key(name) for name in small}
        self._ordinary = {_key(name) for name in ordinary}
        latin = sorted(name for name in kinds if _LATIN.match(name))
        others = sorted(set(kinds) - set(latin))
        self._names = re.compile(
            rf"(?<![a-z0-9])(?P<latin>{_whole(latin)})(?P<version>{_VERSION})"
            rf"(?:(?<=\w) (?P<division>{DIVISIONS})(?![a-z]))?(?![a-z])"
            rf"|(?=[^\x00-\x7f])(?P<other>{_whole(others)})(?P<v2>{_VERSION})"
        )
        self._beginnings = re.compile(
            rf"(?:(?<![a-z0-9]){_beginnings(latin, _letter)}|(?=[^\x00-\x7f]){_beginnings(others, _letter)})\Z"
        )
        as_written = [name if name in small else name[0].upper() + name[1:] for name in latin]
        self.suspects = re.compile(
            rf"(?<![A-Za-z0-9]){_beginnings(as_written, _any_form, _ORNAMENT)}"
            + (rf"|(?=[^\x00-\x7f]){_beginnings(others, _any_form, _ORNAMENT)}" if others else "")
            + (f"|{_DISGUISES}" if watches_disguises else "")
        )

    def names_in(self, text: str, original: str, places: Sequence[int]) -> Iterator[Name]:
        """In a folded text; `original` and `places` tell which were written with a capital."""
        for match in self._names.finditer(text):
            key = _key(match["latin"] or match["other"])
            kind = self._kinds[key]
            is_precise = bool(match["version"] or match["v2"]) and kind in _MODELS
            if match["latin"] and not self._is_written_as_name(
                key, original, places[match.start()], is_precise=is_precise
            ):
                continue
            if kind == Kind.MAYBE_MAKER and match["division"] in {"ai", "deepmind", "research"}:
                kind = Kind.MAKER
            yield Name(match.start(), match.end(), Kind.MODEL if is_precise else kind, key)

    def _is_written_as_name(self, key: str, original: str, place: int, *, is_precise: bool) -> bool:
        if not original[place].islower():
            return True
        if key not in self._small:
            return False
        return is_precise or key not in self._ordinary or _is_small(original, place)

    def has_name(self, text: str) -> bool:
        """Perhaps one that is none: written small."""
        return self._names.search(text) is not None

    def knows(self, name: str) -> bool:
        return self._names.fullmatch(name) is not None

    def unfinished_from(self, text: str) -> int:
        """Where a name begins that the end of a folded text cuts short; its length if none does."""
        match = self._beginnings.search(text, max(0, len(text) - LONGEST))
        return match.start() if match else len(text)


class Lexicon:
    """All names that are looked for. Those of a catalogue are compiled apart, which takes milliseconds: those that
    everybody knows take hundreds."""

    def __init__(self, *vocabularies: Vocabulary) -> None:
        self._vocabularies = vocabularies
        self._searches = [vocabulary.suspects.search for vocabulary in vocabularies]

    def suspect(self, text: str, at: int) -> tuple[int, int] | None:
        """The span of what may be a name in raw text from there on. One that the end may cut short counts least."""
        found = None
        for search in self._searches:
            match = search(text, at)
            if match is not None:
                span = match.span()
                if span[1] < len(text):
                    return span
                found = min(found, span) if found else span
        return found

    def names_in(self, text: str, original: str, places: Sequence[int]) -> list[Name]:
        """In a folded text, in order; of names that overlap the first, and then the longest."""
        names = [name for one in self._vocabularies for name in one.names_in(text, original, places)]
        names.sort(key=lambda name: (name.start, -name.end))
        apart: list[Name] = []
        for name in names:
            if not apart or name.start >= apart[-1].end:
                apart.append(name)
        return apart

    def has_name(self, text: str) -> bool:
        return any(vocabulary.has_name(text) for vocabulary in self._vocabularies)

    def unfinished_from(self, text: str) -> int:
        return min(vocabulary.unfinished_from(text) for vocabulary in self._vocabularies)


@cache
def well_known() -> Vocabulary:
    """The names everybody knows."""
    kinds = {_folded(name): kind for kind, names in reversed(KNOWN.items()) for name in names.split("|")}
    return Vocabulary(kinds, small=WRITTEN_SMALL.split("|"), ordinary=ORDINARY_WORDS.split("|"), watches_disguises=True)


def lexicon_of(entries: Iterable[Mapping[str, str]] = ()) -> Lexicon:
    """Of the names everybody knows and those of these entries: `name`, `slug`, `model`, `vendor`, `family` of each."""
    known = well_known()
    kinds: dict[str, Kind] = {}
    for entry in entries:
        for name, kind in _names_of(entry):
            if len(name) > 1 and not name.isdigit() and not known.knows(name):
                kinds.setdefault(name, kind)
    if not kinds:
        return Lexicon(known)
    precise = [name for name, kind in kinds.items() if kind == Kind.MODEL]
    return Lexicon(known, Vocabulary(kinds, small=precise))


def _is_small(text: str, place: int) -> bool:
    """Whether whoever wrote the sentence does without capitals."""
    ends = _SENTENCE_END.finditer(text)
    edges = [0, *(end.end() for end in ends), len(text)]
    start = max(edge for edge in edges if edge <= place)
    return text[start : min(edge for edge in edges if edge > place)].islower()


def _names_of(entry: Mapping[str, str]) -> Iterator[tuple[str, Kind]]:
    for field in ("name", "family"):
        name = _SUFFIXES.sub("", entry[field]).strip()
        for form in (name, _VERSIONED.sub("", name)):
            yield _folded(form), Kind.MODEL if _HAS_SHAPE.search(form) else Kind.MAYBE_MODEL
    model = entry["model"].rpartition("/")[2]
    for identifier in (entry["slug"], entry["model"], model, model.partition(":")[0]):
        yield _folded(identifier), Kind.MODEL if re.search(r"[\d-]", identifier) else Kind.MAYBE_MODEL
    vendor = entry["vendor"]
    yield _folded(vendor), Kind.MAKER if re.search(r"\bAI\b|\bLabs?\b", vendor) else Kind.MAYBE_MAKER


def _folded(name: str) -> str:
    return _SPACES.sub(" ", fold(name.strip()).text).strip()


def _key(found: str) -> str:
    return _SPACES.sub("", found)


def _beginnings(names: Iterable[str], form: Callable[[str], str], between: str = "") -> str:
    """A pattern for the names and for every beginning of one that the text's end cuts short."""
    return _pattern(_tree(names), lambda character: form(character) + between, is_cut=True)


def _whole(names: Iterable[str]) -> str:
    """A pattern for the names, the longest first."""
    return _pattern(_tree(names), _letter, is_cut=False)


def _tree(names: Iterable[str]) -> Trie:
    root: Trie = {}
    for name in names:
        node = root
        for character in name:
            node = node.setdefault(character, {})
        node[""] = {}
    return root


def _pattern(node: Trie, form: Callable[[str], str], *, is_cut: bool) -> str:
    if not node:
        return "(?!)"
    if is_cut and "" in node:
        return ""  # a whole name: what is longer begins with it
    branches = []
    for character, child in sorted(node.items(), reverse=True):  # "", the end of a name, comes last
        if character:
            after = _pattern(child, form, is_cut=is_cut)
            branches.append(form(character) + (rf"(?:\Z|{after})" if is_cut else after))
        else:
            branches.append("")
    return f"(?:{'|'.join(branches)})" if len(branches) > 1 else branches[0]


def _letter(character: str) -> str:
    return _GAP if character == " " else re.escape(character)


def _any_form(character: str) -> str:
    """As `fold` may have found it, but for letters in disguise."""
    if character == " ":
        return ""
    letter = character.lower()
    forms = {form for form in FORMS.get(letter, "") if form < "\u0250" or not letter.isascii()}
    forms |= {letter, letter.upper()[:1], *lookalikes_of(letter)}
    if character.isascii() and character.isupper():
        forms = {form for form in forms if not form.islower()}
    return f"[{re.escape(''.join(sorted(forms)))}]"
