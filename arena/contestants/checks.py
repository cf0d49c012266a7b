"""What a fact of a contestant may be, whether it comes from the catalogue or from a form. No Django here.

Each check gives a complaint, or "" for a good value.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from urllib.parse import urlsplit

Check = Callable[[object], str]

MAX_USD_PER_MTOK = 100_000.0
MAX_PARAMS_B = 1_000_000.0
MAX_TIMEOUT_S = 86_400.0
MAX_CONTEXT_TOKENS = 2**31 - 1
MAX_ROWS = 50
MAX_URL_CHARS = 500
_MAX_SCORE = 1e12

_SLUG = re.compile(r"[a-z0-9_-]+")


def text(max_chars: int, *, required: bool = False) -> Check:
    def check(value: object) -> str:
        if not isinstance(value, str):
            return "must be a text in quotes."
        if required and not value.strip():
            return "must not be empty."
        if not _can_be_stored(value) or len(value) > max_chars:
            return f"must have at most {max_chars} characters, and no NUL or half of a surrogate pair."
        return ""

    return check


def number(high: float, *, above_zero: bool = False) -> Check:
    bounds = f"above 0 and at most {high:g}" if above_zero else f"between 0 and {high:g}"

    def check(value: object) -> str:
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= high
        return "" if is_number and not (above_zero and value == 0) else f"must be a number {bounds}."

    return check


def flag(value: object) -> str:
    return "" if isinstance(value, bool) else "must be true or false."


def slug(value: object) -> str:
    if isinstance(value, str) and len(value) <= 80 and _SLUG.fullmatch(value):
        return ""
    return "must be small letters, digits and hyphens, at most 80."


def context_tokens(value: object) -> str:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_CONTEXT_TOKENS
    return "" if is_count else f"must be a whole number above 0 and at most {MAX_CONTEXT_TOKENS}."


def day(value: object) -> str:
    """A time of day is refused: `datetime` is a kind of `date`."""
    return "" if type(value) is date else "must be a date without quotes, such as 2025-03-06."


def day_or_never(value: object) -> str:
    is_good = value is False or type(value) is date
    return "" if is_good else "must be a date without quotes, such as 2026-10-23, or false."


def base_url(value: object) -> str:
    """Where requests go: paths are added to it, so that it ends where its path does."""
    if value == "":
        return ""
    if not isinstance(value, str) or len(value) > 300:
        return "must be a URL of at most 300 characters."
    if not _is_web_address(value):
        return "must be a URL that starts with http:// or https://."  # not repeated: it may hold a password
    parts = urlsplit(value)
    if "@" in parts.netloc:
        return "must not hold a user or a password."
    if parts.query or parts.fragment:
        return (
            "must not hold a query or a fragment. (Azure without api-version: https://NAME.openai.azure.com/openai/v1)"
        )
    return ""


def link(value: object) -> str:
    """An address that a page may link to."""
    if not isinstance(value, str) or len(value) > MAX_URL_CHARS:
        return f"must be a URL of at most {MAX_URL_CHARS} characters."
    if not _is_web_address(value) or not value.isprintable() or " " in value or "@" in urlsplit(value).netloc:
        return "must be a URL that starts with http:// or https://, without spaces or a user."
    return ""


def options(value: object) -> str:
    if not isinstance(value, dict):
        return "must be a table of names and values."
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return "may hold texts, finite numbers, true, false, lists and tables only."
    return "" if all(map(_can_be_stored, _texts_in(value))) else "may not hold NUL or half of a surrogate pair."


def strategy(value: object) -> str:
    return "" if value in ({}, {"kind": "plain"}) else 'knows only kind = "plain".'


def timeouts(value: object) -> str:
    if not isinstance(value, dict):
        return "must be a table of names and values."
    return _fields(value, _TIMEOUTS)


def benchmarks(value: object) -> str:
    return _rows(value, _BENCHMARK, optional={"unit"})


def sources(value: object) -> str:
    return _rows(value, _SOURCE)


def _score(value: object) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MAX_SCORE
    return "" if is_number else "must be a finite number."


def _rows(value: object, checks: Mapping[str, Check], *, optional: frozenset[str] | set[str] = frozenset()) -> str:
    """The first complaint about a list of tables, which names the row, counted from 1, and its field."""
    if not isinstance(value, list) or len(value) > MAX_ROWS:
        return f"must be a list of at most {MAX_ROWS} tables."
    for position, row in enumerate(value, start=1):
        if not isinstance(row, dict):
            return f"{position}: must be a table of names and values."
        if missing := [name for name in checks if name not in row and name not in optional]:
            return f"{position}: {missing[0]}: is missing."
        if complaint := _fields(row, checks):
            return f"{position}: {complaint}"
    return ""


def _fields(table: Mapping[str, object], checks: Mapping[str, Check]) -> str:
    for name, value in table.items():
        if name not in checks:
            return f"{name}: there is no such field."
        if complaint := checks[name](value):
            return f"{name}: {complaint}"
    return ""


def _can_be_stored(text: str) -> bool:
    """PostgreSQL takes no NUL, and nobody half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _texts_in(value: object) -> Iterator[str]:
    """All texts of a JSON value, names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts_in(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _texts_in(item)


def _is_web_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


_seconds = number(MAX_TIMEOUT_S, above_zero=True)
_TIMEOUTS: dict[str, Check] = {"first_token_s": _seconds, "silence_s": _seconds, "deadline_s": _seconds}
_SOURCE: dict[str, Check] = {"title": text(200, required=True), "url": link}
_BENCHMARK: dict[str, Check] = {
    "name": text(80, required=True),
    "score": _score,
    "unit": text(20),
    "source": text(200, required=True),
    "url": link,
}
