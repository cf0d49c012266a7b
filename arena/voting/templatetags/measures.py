"""Times and counts in words. What is not known says so."""

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
def pace(tokens_per_second: float | None) -> str:
    """7.25 -> "7.3 tokens/s", 1234 -> "1,234 tokens/s"."""
    if tokens_per_second is None:
        return UNKNOWN
    digits = 1 if tokens_per_second < 9.95 else 0
    return f"{tokens_per_second:,.{digits}f} tokens/s"


@register.filter
def tag_words(tag: str) -> str:
    return Tag(tag).label if tag in Tag.values else tag


@register.filter
def at(values: object, key: str) -> object:
    """The value under a key that is itself a variable, such as a slot; None if there is none, or nothing to look in."""
    return values.get(key) if isinstance(values, dict) else None
