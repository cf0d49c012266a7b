"""Text as it may be stored and sent on: no NUL, no half of a surrogate pair."""

import re

# JSON may spell a character outside the basic plane as two halves, `\ud83d\ude00`. A server that cuts
# between them sends each half in a delta of its own.
_HALVES = re.compile("([\ud800-\udbff])([\udc00-\udfff])|[\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class Sanitiser:
    """Cleans a text that comes in pieces. A half at the end of a piece waits for the other one."""

    __slots__ = ("_half",)

    def __init__(self) -> None:
        self._half = ""

    def feed(self, text: str) -> str:
        if text.isascii() and not self._half:
            return text.replace("\0", "") if "\0" in text else text
        text = (self._half + text).replace("\0", "")
        self._half = ""
        if "\ud800" <= text[-1:] <= "\udbff":
            self._half, text = text[-1], text[:-1]
        return _HALVES.sub(_joined, text)

    def flush(self) -> str:
        half, self._half = self._half, ""
        return _REPLACEMENT if half else ""


def clean(text: str) -> str:
    """The same for a text that is whole."""
    sanitiser = Sanitiser()
    return sanitiser.feed(text) + sanitiser.flush()


def _joined(match: re.Match[str]) -> str:
    high, low = match.groups()
    if not high:
        return _REPLACEMENT
    return chr(0x10000 + ((ord(high) - 0xD800) << 10) + (ord(low) - 0xDC00))
