"""The names that are looked for: those everybody knows, and those of the catalogue. No Django here."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from arena.contestants.identity.folding import DISGUISED, FORMS, LOOKALIKES, fold
from arena.contestants.identity.known_names import CAPITALISED, DIVISIONS, KNOWN, VARIANTS, Kind

_GAP = r"[ .\-/:]?"
_MODELS = (Kind.MODEL, Kind.MAYBE_MODEL, Kind.BOTH, Kind.MAYBE_BOTH)
_LATIN = re.compile(r"[a-z0-9][a-z0-9 .+:/@-]*\Z")
_VERSION = (
    r"(?:[ \-:.]?(?:v ?)?\d+(?:[.\-]\d+)*(?:[bmkoex]|-?it)?(?![a-z]))?"
    rf"(?:[ \-:.]{{1,2}}(?:(?:{VARIANTS})(?![a-z])|(?:r|v)?\d+(?:\.\d+)?[bmk]?(?![a-z])))*"
)
LONGEST = 60
_SPACES = re.compile(r"[ .\-_/:]+")
_SUFFIXES = re.compile(r"\s*(?:\(.*|,.*|\b(?:on|through|with|via|at|by)\b.*)\Z")
_HAS_SHAPE = re.compile(r"\d|[a-z][A-Z]|[A-Z]{2}")

# What a lexicon looks for in text as it comes: up to so many other characters may stand between two letters.
_ORNAMENT = r"[\W_]{0,4}"


@dataclass(frozen=True, slots=True)
class Name:
    """A name in a folded text: its span, and what it stands for."""

    start: int
    end: int
    kind: Kind
    key: str


class Lexicon:
    """`suspects` matches raw text that holds a name, or ends in what may begin one; it matches too much, never too
    little. `names_in` is exact."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self._kinds = {_key(name): kind for name, kind in kinds.items()}
        latin = sorted(name for name in kinds if _LATIN.match(name))
        others = sorted(set(kinds) - set(latin))
        self._names = re.compile(
            rf"(?<![a-z0-9])(?P<latin>{_whole(latin)})(?P<version>{_VERSION})"
            rf"(?:(?<=\w) (?P<division>{DIVISIONS})(?![a-z]))?(?![a-z])|(?=[^\x00-\x7f])(?P<other>{_whole(others)})(?P<v2>{_VERSION})"
        )
        self._beginnings = re.compile(rf"(?:(?<![a-z0-9]){_beginnings(latin, _letter)}|(?=[^\x00-\x7f]){_beginnings(others, _letter)})\Z")
        self.suspects = re.compile(
            rf"(?<![A-Za-z0-9]){_beginnings(latin, _any_form, _ORNAMENT)}|(?=[^\x00-\x7f])(?:[{re.escape(DISGUISED)}]"
            rf"|(?<=[A-Za-z])[{LOOKALIKES}]|[{LOOKALIKES}](?=[A-Za-z])|{_beginnings(others, _any_form, _ORNAMENT)})"
        )

    def names_in(self, text: str, original: str, places: list[int]) -> Iterator[Name]:
        """In a folded text; `original` and `places` tell which were written with a capital."""
        shouts = original.islower()
        for match in self._names.finditer(text):
            found = match["latin"] or match["other"]
            key = _key(found)
            kind = self._kinds[key]
            is_precise = bool(match["version"] or match["v2"]) and kind in _MODELS
            if key in CAPITALISED and not is_precise and not shouts and not original[places[match.start()]].isupper():
                continue
            if match["division"] and kind == Kind.MAYBE_MAKER:
                kind = Kind.MAKER if match["division"] in {"ai", "deepmind", "research"} else kind
            yield Name(match.start(), match.end(), Kind.MODEL if is_precise else kind, key)

    def has_name(self, text: str) -> bool:
        """Perhaps one that is none: written small."""
        return self._names.search(text) is not None

    def unfinished_from(self, text: str) -> int:
        """Where the beginning of a name stands that the end of a folded text cuts short; its length if there is none."""
        match = self._beginnings.search(text, max(0, len(text) - LONGEST))
        return match.start() if match else len(text)


def known_lexicon(entries: Iterable[Mapping[str, str]] = ()) -> Lexicon:
    """Of the names everybody knows and those of these entries: `name`, `slug`, `model`, `vendor`, `family` of each."""
    kinds = {name: kind for kind, names in reversed(KNOWN.items()) for name in map(_folded, names.split("|"))}
    known = {_key(name) for name in kinds}
    for entry in entries:
        for name, kind in _names_of(entry):
            if len(name) > 1 and not name.isdigit() and _key(name) not in known:
                kinds.setdefault(name, kind)
    return Lexicon(kinds)


def _names_of(entry: Mapping[str, str]) -> Iterator[tuple[str, Kind]]:
    for field in ("name", "family"):
        name = _SUFFIXES.sub("", entry[field]).strip()
        yield _folded(name), Kind.MODEL if _HAS_SHAPE.search(name) else Kind.MAYBE_MODEL
    model = entry["model"].rpartition("/")[2]
    for identifier in (entry["slug"], model, model.partition(":")[0]):
        yield _folded(identifier), Kind.MODEL if re.search(r"[\d-]", identifier) else Kind.MAYBE_MODEL
    vendor = entry["vendor"]
    yield _folded(vendor), Kind.MAKER if re.search(r"\bAI\b|\bLabs?\b", vendor) else Kind.MAYBE_MAKER


def _folded(name: str) -> str:
    return _SPACES.sub(" ", fold(name.strip()).text).strip()


def _key(found: str) -> str:
    return _SPACES.sub("", found)


Trie = dict[str, "Trie"]


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
    forms = {form for form in FORMS.get(character, "") if form < "\u0250" or not character.isascii()}
    return f"[{re.escape(''.join(sorted({character, character.upper()[:1], *forms})))}]"
