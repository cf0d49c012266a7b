"""Money in words. What is not known says so: a missing price is not a price of zero."""

from django import template
from django.utils import timezone

from arena.contestants.models import Contestant
from arena.contestants.prices import price_of
from arena.contestants.rates import Price

register = template.Library()

UNKNOWN = "not known"
# Smaller amounts say nothing to anybody.
SMALLEST_USD = 0.000001


@register.simple_tag
def price(contestant: Contestant) -> Price | None:
    """Its price today, for example as {% price contestant as today %} with `today.input`, `.output`, `.source`."""
    return price_of(contestant, at=timezone.now())


@register.filter
def usd(dollars: float | str | None) -> str:
    """Two digits that say something, however small the sum: 1.5 -> "$1.50", 0.000123 -> "$0.00012"."""
    if not isinstance(dollars, int | float):  # a template gives "" for what is not there
        return UNKNOWN
    if dollars == 0:
        return "$0"
    if dollars < SMALLEST_USD:
        return f"< ${SMALLEST_USD:f}"
    if dollars >= 0.1:
        return f"${dollars:,.2f}"
    places = next(places for places in range(2, 8) if dollars >= 10 ** (1 - places) or places == 7)
    return f"${dollars:.{places}f}"


@register.filter
def usd_per_mtok(dollars: float | str | None) -> str:
    """A price to the last digit, unlike a sum: 0.125 -> "$0.125"."""
    if not isinstance(dollars, int | float):
        return UNKNOWN
    whole, _, part = f"{dollars:,.6f}".partition(".")
    return f"${whole}.{part.rstrip('0').ljust(2, '0')}"
