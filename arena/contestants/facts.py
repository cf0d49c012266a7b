"""A contestant's facts as its page shows them."""

import json
from dataclasses import dataclass

from arena.contestants.models import Contestant
from arena.contestants.queries import time_limits


@dataclass(frozen=True, slots=True)
class Limit:
    """How long a contestant may take for something. `is_own`: its entry says so, not the arena's settings."""

    what: str
    seconds: float
    is_own: bool


def limits_of(contestant: Contestant) -> list[Limit]:
    limits = time_limits(contestant)
    return [
        Limit("First piece of text", limits.first_token_s, contestant.first_token_timeout_s is not None),
        Limit("Between two pieces", limits.silence_s, contestant.silence_timeout_s is not None),
        Limit("Whole response", limits.deadline_s, contestant.deadline_s is not None),
    ]


def options_of(contestant: Contestant) -> list[tuple[str, str]]:
    return [(name, json.dumps(value, ensure_ascii=False)) for name, value in sorted(contestant.options.items())]
