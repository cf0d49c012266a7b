"""Texts as a reader sees them, whatever characters they are written in: the form in which names are looked for.

No Django here.
"""

import re
import unicodedata
from dataclasses import dataclass

# Emphasis, characters without width, combining accents and Arabic vowel signs: they change no reader's mind.
IGNORED = "*_`~\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u0300-\u036f\u0640\u064b-\u0652\ufe00-\ufe0f"
_DROPPED = re.compile(rf"</?[a-zA-Z]{{1,6}}>|[{IGNORED}\[]+|(?<=[ \t])[ \t]+")
# C l a u d e, Q-w-e-n, G.P.T
_SPELT = re.compile(r"(?<![^\W_])[a-z0-9](?:(?P<gap>[ .\-·|/])[a-z0-9](?![^\W_]))(?:(?P=gap)[a-z0-9](?![^\W_]))+")
_LATIN = re.compile(r"[a-z]")
_LOOKALIKE = re.compile(r"[аеорсухіѕјԁвкмнтгαοεικντυρ]")
_MIXED = re.compile(r"[^\W\d_]+")
_AS_LATIN = str.maketrans("аеорсухіѕјԁвкмнтгαοεικντυρ", "aeopcyxisjdbkmhtraoeikvtup")

_PUNCTUATION = {
    "’": "'", "‘": "'", "ʼ": "'", "`": "`", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "「": '"', "」": '"',
    "『": '"', "』": '"', "–": "-", "—": "-", "−": "-", "‐": "-", "‑": "-", "\t": " ", "\n": " ", "\r": " ",
    "、": ",", "،": ",", "؟": "?", "。": ".", "।": ".", "…": ".",
    "أ": "ا", "إ": "ا", "آ": "ا", "ى": "ي", "ँ": "ं", "ё": "е",
}  # fmt: skip


def _plain(character: str) -> str:
    """The one small letter a reader takes it for; itself where there is none."""
    if character in _PUNCTUATION:
        return _PUNCTUATION[character]
    compatible = unicodedata.normalize("NFKD", character)
    if character.isspace():
        return " "
    base = compatible[0].lower() if compatible else character
    if base.isascii() and all(unicodedata.combining(mark) for mark in compatible[1:]):
        return _PUNCTUATION.get(base, base)
    small = character.lower()
    return small if len(small) == 1 else character


# Of the characters that stay themselves none needs to be in it: what is looked up and not found is kept.
_TABLE = {
    code: plain
    for code in range(0x20000)
    if not 0x3400 <= code < 0xA000 and not 0xAC00 <= code < 0xE000
    if (plain := _plain(chr(code))) != chr(code)
}


def _forms() -> dict[str, str]:
    forms: dict[str, str] = {}
    for code, plain in _TABLE.items():
        forms[plain] = forms.get(plain, "") + chr(code)
    return forms


# All that is read as a letter, by the letter.
FORMS = _forms()
# Letters in disguise: of other shapes and widths, or of another alphabet amid Latin ones.
DISGUISED = "".join(
    form
    for letter, forms in FORMS.items()
    if letter.isascii() and letter.isalnum()
    for form in forms
    if form > "\u0250"
)
LOOKALIKES = "".join(map(chr, _AS_LATIN))
LOOKALIKES += LOOKALIKES.upper()


def lookalikes_of(letter: str) -> str:
    """Of other alphabets, in both cases."""
    forms = "".join(form for form in map(chr, _AS_LATIN) if form.translate(_AS_LATIN) == letter)
    return forms + forms.upper()


@dataclass(frozen=True, slots=True)
class Folded:
    """`text` as it is read; `places[i]` is where its character i stands in the original, and one more for its end."""

    text: str
    places: list[int]


def fold(original: str) -> Folded:
    """Small letters without ornament; a single line break is a space, a paragraph's end stays two of them."""
    text = original.translate(_TABLE)
    if "\n\n" in original or "\n \n" in original:
        text = _with_paragraphs(original, text)
    places = list(range(len(text) + 1))
    text, places = _without(_DROPPED, text, places)
    if not text.isascii():
        text = _MIXED.sub(_unmixed, text)
    for match in reversed(list(_SPELT.finditer(text))):
        start, end = match.span()
        text = f"{text[:start]}{text[start:end:2]}{text[end:]}"
        places[start:end] = places[start:end:2]
    return Folded(text, places)


_PARAGRAPH = re.compile(r"\n[ \t\r]*\n")


def _with_paragraphs(original: str, text: str) -> str:
    pieces, at = [], 0
    for match in _PARAGRAPH.finditer(original):
        start, end = match.span()
        pieces += [text[at:start], "\n" * (end - start)]
        at = end
    return "".join([*pieces, text[at:]])


def _without(pattern: re.Pattern[str], text: str, places: list[int]) -> tuple[str, list[int]]:
    pieces, kept, at = [], [], 0
    for match in pattern.finditer(text):
        start, end = match.span()
        pieces.append(text[at:start])
        kept += places[at:start]
        at = end
    if not at:
        return text, places
    return "".join([*pieces, text[at:]]), [*kept, *places[at:]]


def _unmixed(match: re.Match[str]) -> str:
    """A word that mixes Latin letters with others that look like them is Latin."""
    word = match.group()
    if _LATIN.search(word) and _LOOKALIKE.search(word):
        return word.translate(_AS_LATIN)
    return word
