"""What templates need to lay out a battle's texts: numbered steps, what belongs to a slot, the turn to come."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django import template
from django.utils import timezone

from arena.battles.models import ResponseStatus
from arena.battles.queries import BlindBattle, BlindResponse, BlindTurn
from arena.battles.steps import split_steps

register = template.Library()


@dataclass(frozen=True, slots=True)
class Step:
    """All of it is text: a page may have thousands, and each number would be looked up in the formats of a language."""

    id: str
    number: str
    text: str


@register.filter
def steps(response: BlindResponse) -> list[Step]:
    """The numbered steps of the reasoning, or of the answer where no reasoning is shared."""
    text = response.reasoning or response.answer
    spans = response.steps or split_steps(text)
    pane = f"turn-{response.turn}-{response.slot}"
    return [
        Step(f"{pane}-step-{number}", str(number), text[start:end])
        for number, (start, end) in enumerate(spans, start=1)
    ]


@register.filter
def of_slot(by_slot: Mapping[str, object] | None, slot: str) -> object:
    return (by_slot or {}).get(slot)


STATES = {
    ResponseStatus.WAITING: "Waiting for its turn",
    ResponseStatus.STREAMING: "At work",
    ResponseStatus.FINISHED: "Finished",
    ResponseStatus.FAILED: "Failed",
    ResponseStatus.STOPPED: "Stopped",
}


@register.filter
def state_in_words(response: BlindResponse) -> str:
    return STATES[ResponseStatus(response.status)]


@register.filter
def seconds_since(moment: datetime | None) -> int:
    """Whole seconds, for browsers to count on from: their own clocks may be wrong."""
    return max(0, int((timezone.now() - moment).total_seconds())) if moment else 0


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
