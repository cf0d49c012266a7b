"""How fast a contestant writes. No Django here."""

from collections.abc import Iterable

# What came within less was sent in one piece, or the clock cannot tell.
STREAM_MIN_MS = 100


def tokens_per_second(
    output_tokens: int | None,
    reasoning_tokens: int | None,
    *,
    first_token_ms: int | None,
    duration_ms: int | None,
    shares_reasoning: bool,
) -> float | None:
    """From the first token to the last; None where a part is unknown, nothing came, or the time is too short to tell.

    Reasoning that is not shared is not counted: it was done before the first token came.
    """
    if output_tokens is None or first_token_ms is None or duration_ms is None:
        return None
    streamed = output_tokens - (0 if shares_reasoning else reasoning_tokens or 0)
    stream_ms = duration_ms - first_token_ms
    if streamed <= 0 or stream_ms < STREAM_MIN_MS:
        return None
    return round(streamed * 1000 / stream_ms, 1)


def mean_pace(paces: Iterable[tuple[float, int]]) -> float | None:
    """Of several streams, each with its pace and the time that it took, as if they were one."""
    known = list(paces)
    took_ms = sum(stream_ms for _, stream_ms in known)
    return round(sum(pace * stream_ms for pace, stream_ms in known) / took_ms, 1) if took_ms else None
