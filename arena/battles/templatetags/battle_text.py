"""What templates need to lay out a battle's texts: numbered steps, what belongs to a slot, the turn to come."""

from collections.abc import Mapping
from dataclasses import dataclass

from django import template

from arena.battles.models import ResponseStatus
from arena.battles.queries import BlindBattle, BlindResponse, BlindTurn
from arena.battles.steps import split_steps

register = template.Library()


@dataclass(frozen=True, slots=True)
class Step:
    number: int
    text: str


@register.filter
def steps(response: BlindResponse) -> list[Step]:
    """The numbered steps of the reasoning, or of the answer where no reasoning is shared."""
    text = response.reasoning or response.answer
    spans = response.steps or split_steps(text)
    return [Step(number, text[start:end]) for number, (start, end) in enumerate(spans, start=1)]


@register.filter
def of_slot(by_slot: Mapping[str, object] | None, slot: str) -> object:
    return (by_slot or {}).get(slot)


@register.filter
def is_latest_in(turn: BlindTurn, battle: BlindBattle) -> bool:
    return all(turn.index >= other.index for other in battle.turns)


@register.filter
def next_turn(battle: BlindBattle) -> BlindTurn:
    """The turn to come, without a prompt: scripts make a follow-up's panes from its markup."""
    index = len(battle.turns)
    waiting = tuple(
        BlindResponse(slot, index, ResponseStatus.WAITING.value, "", "", None, is_truncated=False, steps=())
        for slot in battle.slots
    )
    return BlindTurn(index, "", waiting)
