"""Numbers of the leaderboard in the reader's words; an unknown one is a dash."""

from django import template

register = template.Library()

UNKNOWN = "–"


@register.filter
def points(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.0f}"


@register.filter
def percent(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.0%}"


@register.filter
def seconds(milliseconds: int | None) -> str:
    if milliseconds is None:
        return UNKNOWN
    return f"{milliseconds / 1000:.0f} s" if milliseconds >= 10_000 else f"{milliseconds / 1000:.1f} s"


@register.filter
def count(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value:,}"


@register.filter
def rank_range(row: dict[str, int | None]) -> str:
    """The places that the ballots allow: "2" or "1–4"."""
    low, high = row["rank_low"], row["rank_high"]
    if low is None:
        return UNKNOWN
    return f"{low}" if low == high else f"{low}–{high}"
