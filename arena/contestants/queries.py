"""Which contestants may be drawn or named, what the draw goes by, and what is needed to ask one."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

from django.conf import settings
from django.db.models import Q

from arena.contestants.errors import KeyMissing, KeyUnusable, Unreachable
from arena.contestants.models import Contestant, ContestantQuerySet, DrawAim
from arena.contestants.providers.call import Call, Message
from arena.contestants.providers.patience import TimeLimits
from arena.contestants.servers import server_of


def in_play() -> ContestantQuerySet:
    """Available contestants. Simulated ones only while no real one is available, or as ARENA_SIMULATED says."""
    available = Contestant.objects.available()
    real = available.real()
    return available if _simulated_ones_play(real.exists) else real


def named(slugs: Collection[str]) -> ContestantQuerySet:
    """Those of the named who may be asked: whoever is in play, and real ones that could not be asked when that was last
    checked. Perhaps they can by now; if not, their pane says what is in the way, and can be asked again.
    """
    in_play_or_real = Q(pk__in=in_play().values("pk")) | Q(simulated=False)
    return Contestant.objects.active().filter(in_play_or_real, slug__in=slugs)


def in_the_draw() -> list[Contestant]:
    """Those in play whom a draw may bring, without what is only to be read about them. One query.

    One without weight takes part only where someone chooses it.
    """
    available = list(Contestant.objects.available().without_facts())
    real = [contestant for contestant in available if not contestant.simulated]
    playing = available if _simulated_ones_play(lambda: bool(real)) else real
    return [contestant for contestant in playing if contestant.weight > 0]


def kept_apart() -> Mapping[int, Collection[int]]:
    """By id: whom each contestant never meets. One query."""
    apart: dict[int, set[int]] = defaultdict(set)
    for one, other in Contestant.never_meets.through.objects.values_list("from_contestant_id", "to_contestant_id"):
        apart[one].add(other)
    return apart


def draw_aim() -> tuple[list[tuple[int, int, float]], list[int]]:
    """What the ballots so far leave open: pairs of contestants with their shares of the next battles, and newcomers.
    Nothing before the first look at the ballots. One query."""
    found = DrawAim.objects.values_list("pairs", "newcomers").order_by().first()
    return found or ([], [])


def call_for(contestant: Contestant, messages: Sequence[Message], *, simulator_url: str = "") -> Call:
    """What its provider needs to ask this contestant, its own system prompt put before the battle's. Reads no database.

    Raises KeyMissing, KeyUnusable, or Unreachable for a simulated contestant while no simulator runs.
    """
    server = server_of(contestant, simulator_url=simulator_url)
    if not server.base_url:
        raise Unreachable("no simulator runs")
    if server.key_problem:
        advice = "a worker reads its variables when it starts, so restart the arena once this is mended"
        raise (KeyUnusable if server.api_key else KeyMissing)(f"{server.key_problem} ({advice})")
    return Call(
        base_url=server.base_url,
        model=contestant.model,
        messages=_with_system(contestant.system, messages),
        api_key=server.api_key,
        options=dict(contestant.options),
        opens_with_reasoning=contestant.opens_with_reasoning,
    )


def time_limits(contestant: Contestant) -> TimeLimits:
    """Its own where it has them, else the arena's."""
    own = (contestant.first_token_timeout_s, contestant.silence_timeout_s, contestant.deadline_s)
    arenas = (
        settings.ARENA_FIRST_TOKEN_TIMEOUT_S,
        settings.ARENA_SILENCE_TIMEOUT_S,
        settings.ARENA_RESPONSE_DEADLINE_S,
    )
    return TimeLimits(*(limit if limit is not None else default for limit, default in zip(own, arenas, strict=True)))


def _simulated_ones_play(is_any_real: Callable[[], bool]) -> bool:
    """`is_any_real`: whether a real contestant is available; asked only where that matters."""
    if settings.ARENA_SIMULATED == "auto":
        return not is_any_real()
    return bool(settings.ARENA_SIMULATED == "always")


def _with_system(system: str, messages: Sequence[Message]) -> tuple[Message, ...]:
    """In one system message: many servers take no second one."""
    if not system:
        return tuple(messages)
    first, *others = messages
    if first["role"] == "system":
        return ({"role": "system", "content": f"{system}\n\n{first['content']}"}, *others)
    return ({"role": "system", "content": system}, *messages)
