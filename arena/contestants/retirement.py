"""When a contestant's server stops, or has stopped, offering it. No clock here: callers say what day it is."""

from datetime import date

from arena.contestants.models import Contestant
from arena.contestants.servers import server_of


def retires_on(contestant: Contestant) -> date | None:
    """The day its server gives up on it, None where that is not known or is the operator's own affair.

    A vendor's decision holds at the vendor's address: another server, at OPENAI_BASE_URL or on one's own network, may
    go on offering the same model.
    """
    if contestant.retired_on is None or contestant.simulated:
        return None
    server = server_of(contestant)
    is_elsewhere = server.is_near if contestant.base_url else not server.is_a_vendors
    return None if is_elsewhere else contestant.retired_on


def is_retired(contestant: Contestant, today: date) -> bool:
    day = retires_on(contestant)
    return day is not None and day <= today


def may_take_part(contestant: Contestant, today: date) -> bool:
    """Neither switched off by the operator nor given up by its server. Whether it answers now is another matter."""
    return contestant.active and not is_retired(contestant, today)


def retirement_of(contestant: Contestant, today: date) -> str:
    """In plain words, for one that is retired; "" for the others."""
    if not is_retired(contestant, today):
        return ""
    return f"Retired: {server_of(contestant).host} stopped offering it on {in_words(contestant.retired_on)}."


def in_words(day: date | None) -> str:
    return f"{day.day} {day:%B %Y}" if day else ""
