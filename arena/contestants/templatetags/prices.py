"""Prices in words."""

from django import template

register = template.Library()


@register.filter
def per_million_tokens(usd: float | None) -> str:
    """A price that is not known is not a price of zero."""
    if usd is None:
        return "not known"
    if usd == 0:
        return "nothing"
    return f"${usd:,.2f} per million tokens" if usd >= 0.01 else f"${usd:.4f} per million tokens"
