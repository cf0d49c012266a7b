"""When a server that refused a request wants to be asked again: in its headers, or in its sentence. No network here.

`retry-after-ms` is OpenAI's and Azure's, `retry-after` everybody's, as seconds or as a date. Where both are missing,
the limits that are used up say when they are whole again: `x-ratelimit-reset-tokens: 7.66s` (OpenAI, Groq),
`anthropic-ratelimit-requests-reset: 2026-01-31T12:00:00Z`, `x-ratelimit-reset: 1769860800000` (OpenRouter). The last
resort is the sentence: "Please try again in 6m0s".
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_RETRY_AFTER_S = 24 * 3600.0

_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,9})?")
_AMOUNT = re.compile(rf"({_NUMBER.pattern})\s?(milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|h|days?|d)")
_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(rf"(?:{_AMOUNT.pattern}\s?){{1,4}}(?!\w)")
_WISH = re.compile(rf"(?:try again|retry|wait)\D{{0,20}}?(?P<duration>{_DURATION.pattern})")
_RESET = re.compile(r"(?:x-|anthropic-)?ratelimit-(?:reset(?:-.+)?|.+-reset)")
# Numbers above these are moments, not waits.
_EPOCH_S = 1_000_000_000
_EPOCH_MS = 1_000_000_000_000


def retry_after_s(headers: Mapping[str, str], sentence: str = "") -> float | None:
    """The server's wish in seconds, None if it has none."""
    headers = {name.lower(): value for name, value in headers.items()}
    wait_s = _milliseconds(headers)
    if wait_s is None:
        wait_s = _wait_s(headers.get("retry-after", ""))
    if wait_s is None:
        wait_s = max(_resets_s(headers), default=None)
    if wait_s is None and (wish := _WISH.search(sentence.lower())):
        wait_s = _duration_s(wish["duration"])
    return None if wait_s is None else min(max(wait_s, 0.0), MAX_RETRY_AFTER_S)


def _milliseconds(headers: Mapping[str, str]) -> float | None:
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if _NUMBER.fullmatch(value := headers.get(name, "").strip()):
            return float(value) / 1000
    return None


def _resets_s(headers: Mapping[str, str]) -> Iterator[float]:
    """One for each limit that is used up."""
    for name, value in headers.items():
        if _RESET.fullmatch(name) and headers.get(name.replace("reset", "remaining"), "").strip() == "0":
            wait_s = _wait_s(value)
            if wait_s is not None:
                yield wait_s


def _wait_s(value: str) -> float | None:
    """From a number, a duration or a moment, however it is written."""
    value = value.strip()
    if _NUMBER.fullmatch(value):
        number = float(value)
        if number > _EPOCH_S:
            number = number / (1000 if number > _EPOCH_MS else 1) - datetime.now(UTC).timestamp()
        return number
    if _DURATION.fullmatch(value.lower()):
        return _duration_s(value.lower())
    moment = _moment(value)
    return None if moment is None else (moment - datetime.now(UTC)).total_seconds()


def _duration_s(text: str) -> float:
    """Seconds of `1h2m`, `7.66s`, `20ms`, `6 seconds`."""
    return sum(float(number) * _unit_s(unit) for number, unit in _AMOUNT.findall(text))


def _unit_s(unit: str) -> float:
    return 0.001 if unit.startswith(("ms", "milli")) else _UNITS_S[unit[0]]


def _moment(value: str) -> datetime | None:
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(value)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None
