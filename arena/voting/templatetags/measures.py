"""Times, counts and money in words. What is not known says so: a missing price is not a price of zero."""

from django import template

from arena.voting.models import Tag

register = template.Library()

UNKNOWN = "not known"


@register.filter
def duration(ms: int | None) -> str:
    """840 -> "0.8 s", 75000 -> "1 min 15 s"."""
    if ms is None:
        return UNKNOWN
    if ms < 9_950:
        return f"{ms / 1000:.1f} s"
    minutes, seconds = divmod(round(ms / 1000), 60)
    return f"{minutes:,} min {seconds} s" if minutes else f"{seconds} s"


@register.filter
def amount(number: int | None) -> str:
    return UNKNOWN if number is None else f"{number:,}"


@register.filter
def usd(dollars: float | None) -> str:
    """Two digits that say something, however small the sum: 1.5 -> "$1.50", 0.000123 -> "$0.00012"."""
    if dollars is None:
        return UNKNOWN
    if dollars == 0:
        return "nothing"
    if dollars >= 0.1:
        return f"${dollars:,.2f}"
    places = next(places for places in range(2, 13) if dollars >= 10 ** (1 - places) or places == 12)
    return f"${dollars:.{places}f}"


@register.filter
def tag_words(tag: str) -> str:
    return Tag(tag).label if tag in Tag.values else tag


@register.filter
def at(values: object, key: str) -> object:
    """The value under a key that is itself a variable, such as a slot; None if there is none, or nothing to look in."""
    return values.get(key) if isinstance(values, dict) else None
