"""A contestant's facts as its page shows them."""

import json
from dataclasses import dataclass

from django.conf import settings

from arena.contestants.models import Contestant


@dataclass(frozen=True, slots=True)
class Limit:
    """How long a contestant may take for something. `is_own`: its entry says so, not the arena's settings."""

    what: str
    seconds: float
    is_own: bool


def limits_of(contestant: Contestant) -> list[Limit]:
    rules = (
        ("First piece of text", contestant.first_token_timeout_s, settings.ARENA_FIRST_TOKEN_TIMEOUT_S),
        ("Between two pieces", contestant.silence_timeout_s, settings.ARENA_SILENCE_TIMEOUT_S),
        ("Whole response", contestant.deadline_s, settings.ARENA_RESPONSE_DEADLINE_S),
    )
    return [Limit(what, own or common, own is not None) for what, own, common in rules]


def options_of(contestant: Contestant) -> list[tuple[str, str]]:
    return [(name, json.dumps(value, ensure_ascii=False)) for name, value in sorted(contestant.options.items())]
