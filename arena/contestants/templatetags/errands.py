"""Trials and pulls in words: sizes, speeds, what may be paid."""

from django import template

from arena.contestants.deltas import WaitReason

register = template.Library()

_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_WAITS = {
    WaitReason.LOADING: "Loading into memory",
    WaitReason.QUEUED: "Waiting in line",
    WaitReason.RETRYING: "Its server is busy; asking again",
}
_PHASES = {
    "manifest": "Asking the registry",
    "fetching": "Downloading",
    "verifying": "Verifying what came",
    "writing": "Writing it down",
    "tidying": "Tidying up",
    "done": "Looking who can be asked now",
}


@register.filter
def size(count: int | None) -> str:
    """Decimal, as Ollama and its registry say it: 19851336384 -> "19.9 GB"."""
    number, unit = float(count or 0), 0
    while number >= 999.5 and unit < len(_UNITS) - 1:
        number, unit = number / 1000, unit + 1
    return f"{number:,.1f} {_UNITS[unit]}" if unit and number < 99.95 else f"{number:,.0f} {_UNITS[unit]}"


@register.filter
def time_left(seconds: float | None) -> str:
    """75 -> "about 1 minute left"; nothing where nobody knows."""
    if seconds is None:
        return ""
    if seconds < 55:
        return "less than a minute left"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"about {minutes} minute{'' if minutes == 1 else 's'} left"
    hours = round(minutes / 60)
    return f"about {hours} hours left" if hours < 72 else "days left"


@register.filter
def percent(completed: int | None, total: int | None) -> str:
    """Never 100 before all is there."""
    return f"{min(99, 100 * (completed or 0) // total) if (completed or 0) < total else 100} %" if total else ""


@register.filter
def phase_words(phase: str | None) -> str:
    return _PHASES.get(phase or "", "Working")


@register.filter
def wait_words(why: str | None) -> str:
    return _WAITS.get(WaitReason(why), "Thinking") if why in set(WaitReason) else "Thinking"


@register.filter
def sum_words(dollars: float | None) -> str:
    """What something may cost at most: "free", "about $0.03", "its price is not known"."""
    if dollars is None:
        return "its price is not known"
    if dollars == 0:
        return "free"
    if dollars < 0.01:
        return "less than one cent"
    return f"about ${dollars:,.2f}"
