"""Text on its way to those who must not know who wrote it: names by which it identifies its writer are masked.

No Django here.
"""

import re
from collections.abc import Iterable

from arena.contestants.identity.detection import AFTER, BEFORE, Reading, Span, identifying
from arena.contestants.identity.folding import fold
from arena.contestants.identity.lexicon import LONGEST, Lexicon

# Always as long: the length of a name would tell it.
MASK = "▮▮▮▮"
# A text that is there already is looked at in such pieces.
PIECE_CHARS = 2000
# Before a letter that stands alone so much tells whether it is one of a name that is spelt out: "am C l a u d e".
WORD_CHARS = 8
_LONE_LETTER = re.compile(r"[ .\-·|/][^\W_]\Z")


class Screen:
    """One text as it comes. What may be a name is held back until what follows it is known; all else passes at once.

    `spans` are those to mask in the whole text, of which `passed` characters have passed. A name by which the writer
    was identified is masked from then on wherever it stands; texts of one writer share what is `known` of it.
    """

    __slots__ = ("_held", "_known", "_lexicon", "_recent", "_suspect", "_wake_at", "passed", "spans")

    def __init__(self, lexicon: Lexicon, known: set[str] | None = None) -> None:
        self.spans: list[Span] = []
        self.passed = 0
        self._lexicon = lexicon
        self._suspect = lexicon.suspect
        self._recent = ""  # the end of what has passed
        self._held = ""
        self._wake_at = 0  # so long must be what is held before it is worth a look
        self._known = known if known is not None else set()

    def feed(self, text: str) -> str:
        """What may be shown now."""
        if self._wake_at == 0:
            recent = self._recent
            seen = recent + self._held + text if self._held else recent + text
            suspect = self._suspect(seen, len(recent))
            if suspect is None and not self._held:  # as nearly always
                self._recent = seen[-BEFORE:]
                self.passed += len(text)
                return text
            if suspect is None or suspect[1] == len(seen):  # no name, or the beginning of one
                hold_at = suspect[0] if suspect else len(seen)
                self._held = seen[hold_at:]
                self._recent = seen[max(0, hold_at - BEFORE) : hold_at]
                self.passed += hold_at - len(recent)
                return seen[len(recent) : hold_at]
        self._held += text
        has_to_wait = len(self._held) < self._wake_at or (not self._wake_at and self._may_be_spelt_out())
        return "" if has_to_wait else self._release(is_end=False)

    def flush(self) -> str:
        """The rest."""
        return self._release(is_end=True) if self._held else ""

    def _may_be_spelt_out(self) -> bool:
        """Whether its last letter stands alone: after "C l a u d e" it is one more of a name, or begins a word."""
        return len(self._held) <= LONGEST and _LONE_LETTER.search(self._held, len(self._held) - 2) is not None

    def _release(self, *, is_end: bool) -> str:
        if not self._wake_at:
            nameless = self._without_names(is_end=is_end)
            if nameless is not None:
                return nameless
        reading = Reading.of(self._recent + self._held, self._lexicon)
        begin = len(self._recent)
        masked = set(identifying(reading))
        hold_at = len(reading.original)
        if not is_end:
            hold_at = max(begin, reading.folded.places[self._lexicon.unfinished_from(reading.folded.text)])
        shown, at, self._wake_at = [], begin, 0
        for number in range(len(reading.names)):
            span = reading.span(number)
            if span.start < begin:
                continue
            if not is_end and len(reading.original) - span.end < AFTER:
                hold_at = min(hold_at, span.start)
                self._wake_at = span.end + AFTER - hold_at
                break
            if number in masked or span.key in self._known:
                self._known.add(span.key)
                self.spans.append(self._placed(span, begin))
                shown += [reading.original[at : span.start], MASK]
                at = span.end
        shown.append(reading.original[at:hold_at])
        self._pass(hold_at - begin)
        return "".join(shown)

    def _without_names(self, *, is_end: bool) -> str | None:
        """The same where no name is, as nearly always: it takes no look at what came before. None where one is."""
        before = self._recent[-WORD_CHARS:]
        folded = fold(before + self._held)
        if self._lexicon.has_name(folded.text):
            return None
        end = len(self._held)
        if not is_end:
            end = max(0, folded.places[self._lexicon.unfinished_from(folded.text)] - len(before))
        shown = self._held[:end]
        self._pass(end)
        return shown

    def _pass(self, count: int) -> None:
        self._recent = (self._recent + self._held[:count])[-BEFORE:]
        self._held = self._held[count:]
        self.passed += count

    def append(self, other: "Screen") -> None:
        """Go on with another text as if it were the end of this one. Both are flushed."""
        self.spans += [Span(span.start + self.passed, span.end + self.passed, span.key) for span in other.spans]
        self.passed += other.passed
        self._recent = (self._recent + other._recent)[-BEFORE:]

    def shown(self, text: str) -> str:
        """What has passed of the whole text."""
        return masked(text[: self.passed], [(span.start, span.end) for span in self.spans])

    def _placed(self, span: Span, begin: int) -> Span:
        offset = self.passed - begin
        return Span(span.start + offset, span.end + offset, span.key)


def screened(text: str, lexicon: Lexicon, known: set[str] | None = None) -> Screen:
    """The whole text at once."""
    screen = Screen(lexicon, known)
    for start in range(0, len(text), PIECE_CHARS):
        screen.feed(text[start : start + PIECE_CHARS])
    screen.flush()
    return screen


def masked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """With a mask for each span; in order, and apart."""
    pieces, at = [], 0
    for start, end in spans:
        pieces += [text[at:start], MASK]
        at = end
    return "".join([*pieces, text[at:]]) if pieces else text


def unmasked_length(shown: int, spans: Iterable[tuple[int, int]]) -> int:
    """How much of the text stands behind so many characters of the masked one. A name counts as a whole."""
    grown = 0
    for start, end in spans:
        if shown + grown <= start:
            break
        if shown + grown < start + len(MASK):
            return end
        grown += end - start - len(MASK)
    return shown + grown
