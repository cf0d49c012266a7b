"""Reading JSON from servers that may send anything: a value of the wrong type counts as absent."""

import json
import re

# A count above this is nonsense, and would not fit its column.
MAX_COUNT = 2**31 - 1

_DIGITS = re.compile(r"[0-9]{1,12}")
# Not strict: control characters that nobody has escaped are no reason to lose a response.
_decode = json.JSONDecoder(strict=False).decode


def parse_json(text: str) -> object:
    """Raises ValueError, for nesting that is too deep as well."""
    try:
        value: object = _decode(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return value


def as_dict(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def as_text(value: object) -> str:
    return value if isinstance(value, str) else ""


def as_count(value: object) -> int | None:
    """A count, as some servers write them in a string or with a decimal point too."""
    if isinstance(value, str) and _DIGITS.fullmatch(value) or isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT:
        return value
    return None


def including(whole: int | None, part: int | None) -> int | None:
    """A count that some vendors give without a part that others include: one that is smaller than its part."""
    return whole + part if whole is not None and part is not None and part > whole else whole


def joined_text(value: object) -> str:
    """The text of a string, of a typed part, or of a list of either, under whatever key the part has it."""
    pieces = value if isinstance(value, list) else [value]
    return "".join(as_text(piece) or _part_text(as_dict(piece)) for piece in pieces)


def _part_text(part: dict[str, object]) -> str:
    """`{"type": "text", "text": …}`, and the parts of reasoning, which hold such parts or a string."""
    for key in ("text", "thinking", "summary", "content", "refusal"):
        if value := part.get(key):
            return as_text(value) or "".join(as_text(as_dict(inner).get("text")) for inner in as_list(value))
    return ""
