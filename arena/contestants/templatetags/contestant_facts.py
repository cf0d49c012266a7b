"""Facts of contestants in the reader's words."""

import re

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

register = template.Library()

_CODE = re.compile(r"`([^`]+)`")


@register.filter
def with_code(sentence: str) -> SafeString:
    """A plain sentence in which `backticks` mark code."""
    parts = enumerate(_CODE.split(sentence))
    marked = (("<code>", part, "</code>") if number % 2 else ("", part, "") for number, part in parts)
    return format_html_join("", "{}{}{}", ((SafeString(a), part, SafeString(b)) for a, part, b in marked))


@register.filter
def duration(seconds: float) -> str:
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            return _counted(seconds / size, unit)
    return _counted(seconds, "second")


@register.filter
def tokens(count: int) -> str:
    return f"{count:,}"


@register.filter
def share(score: float) -> float:
    """How much of a bar for percents is filled."""
    return min(100.0, max(0.0, float(score)))


def _counted(count: float, noun: str) -> str:
    return f"{count:g} {noun}{'' if count == 1 else 's'}"
