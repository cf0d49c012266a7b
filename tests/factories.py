"""Small functions that build valid rows and nothing else."""

from collections.abc import Sequence
from itertools import count

from arena.battles.models import SLOTS, Battle, BattleStatus, Response, ResponseStatus, Seat, Turn
from arena.battles.steps import split_steps
from arena.contestants.models import Contestant, Provider
from arena.teams.models import Voter

_numbers = count(1)


def make_voter() -> Voter:
    return Voter.objects.create()


def make_contestant(slug: str = "", **fields: object) -> Contestant:
    number = next(_numbers)
    values: dict[str, object] = {
        "slug": slug or f"contestant-{number}",
        "name": f"Contestant {number}",
        "provider": Provider.OPENAI,
        "model": f"model-{number}",
        "is_available": True,
    }
    return Contestant.objects.create(**values | fields)


def make_battle(
    slots: int = 2, *, voter: Voter | None = None, contestants: Sequence[Contestant] = (), blind: bool = True
) -> Battle:
    """A running battle whose responses wait."""
    battle = Battle.objects.create(started_by=voter or make_voter(), blind=blind)
    turn = Turn.objects.create(battle=battle, index=0, prompt="What is 2 + 2?")
    for slot, contestant in zip(SLOTS, contestants or [make_contestant() for _ in range(slots)], strict=False):
        seat = Seat.objects.create(battle=battle, slot=slot, contestant=contestant)
        Response.objects.create(turn=turn, seat=seat)
    return battle


def make_finished_battle(
    slots: int = 2, *, voter: Voter | None = None, contestants: Sequence[Contestant] = (), blind: bool = True
) -> Battle:
    """A battle in which every contestant has answered."""
    battle = make_battle(slots, voter=voter, contestants=contestants, blind=blind)
    reasoning = "Two and two.\n\nThat makes four."
    Response.objects.filter(turn__battle=battle).update(
        status=ResponseStatus.FINISHED, reasoning=reasoning, answer="4", steps=split_steps(reasoning)
    )
    battle.status = BattleStatus.FINISHED
    battle.save(update_fields=["status"])
    return battle
