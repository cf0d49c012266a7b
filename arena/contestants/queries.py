"""Which contestants may be drawn, and what is needed to ask one."""

from collections.abc import Sequence

from django.conf import settings

from arena.contestants.errors import KeyMissing, KeyUnusable, Unreachable
from arena.contestants.models import Contestant, ContestantQuerySet
from arena.contestants.providers.call import Call, Message
from arena.contestants.servers import server_of


def in_play() -> ContestantQuerySet:
    """Available contestants. Simulated ones only while no real one is available, or as ARENA_SIMULATED says."""
    available = Contestant.objects.available()
    if settings.ARENA_SIMULATED == "always":
        return available
    real = available.real()
    if settings.ARENA_SIMULATED == "auto" and not real.exists():
        return available
    return real


def call_for(contestant: Contestant, messages: Sequence[Message], *, simulator_url: str = "") -> Call:
    """What its provider needs to ask this contestant. Reads no database. Raises KeyMissing, KeyUnusable, or Unreachable
    for a simulated contestant while no simulator runs."""
    server = server_of(contestant, simulator_url=simulator_url)
    if not server.base_url:
        raise Unreachable("no simulator runs")
    if server.key_problem:
        raise (KeyUnusable if server.api_key else KeyMissing)(server.key_problem)
    return Call(
        base_url=server.base_url,
        model=contestant.model,
        messages=tuple(messages),
        api_key=server.api_key,
        options=dict(contestant.options),
        opens_with_reasoning=contestant.opens_with_reasoning,
    )
