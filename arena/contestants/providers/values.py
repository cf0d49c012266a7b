"""Reading JSON from servers that may send anything: a value of the wrong type counts as absent."""

import json

# A count above this is nonsense, and would not fit its column.
MAX_COUNT = 2**31 - 1

_decode = json.JSONDecoder().decode


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
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT:
        return value
    return None
