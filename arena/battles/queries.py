"""A battle as it may be shown to someone who does not know the names: `BlindBattle`, built from slots only."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Prefetch
from django.utils.crypto import salted_hmac

from arena.battles.blindness import shown_steps, shown_texts
from arena.battles.models import TERMINAL, Battle, Response, Turn
from arena.teams.models import Voter


@dataclass(frozen=True, slots=True)
class Failure:
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class BlindResponse:
    slot: str
    turn: int
    status: str
    reasoning: str
    answer: str
    failure: Failure | None
    is_truncated: bool
    steps: tuple[tuple[int, int], ...]
    named_itself: bool = False
    # When its turn was opened, or when it was asked again: the same for all slots that were asked together.
    asked_at: datetime | None = None
    asked_alone: bool = False

    @property
    def is_ended(self) -> bool:
        return self.status in TERMINAL

    @property
    def has_text(self) -> bool:
        return bool(self.reasoning or self.answer)


@dataclass(frozen=True, slots=True)
class BlindTurn:
    index: int
    prompt: str
    responses: tuple[BlindResponse, ...]
    asks_for_identity: bool = False


@dataclass(frozen=True, slots=True)
class BlindBattle:
    """What anyone who may see the battle may know before the reveal."""

    id: str
    status: str
    blind: bool
    slots: tuple[str, ...]
    turns: tuple[BlindTurn, ...]
    problem: str
    system: str
    created_at: datetime
    pacing: str = "live"
    team: str = ""  # its name: then nobody else can see the battle

    @property
    def prompt(self) -> str:
        return self.turns[0].prompt

    @property
    def is_running(self) -> bool:
        return self.status == "running"


def find_battle(battle_id: UUID, voter: Voter | None) -> Battle | None:
    """The battle with this id, if this voter may see it."""
    return Battle.objects.visible_to(voter).select_related("problem", "team").filter(pk=battle_id).first()


def edition_of(battle_id: UUID) -> str:
    """Names the responses as they stand, once all have ended; empty while one runs. One query, which reads no text.

    Who has a page of the same edition has been told everything.
    """
    rows = list(
        Response.objects.filter(turn__battle=battle_id)
        .order_by("turn__index", "seat__slot")
        .values_list("turn__index", "seat__slot", "status", "attempt")
    )
    if not all(status in TERMINAL for _, _, status, _ in rows):
        return ""
    return salted_hmac("battle edition", repr((battle_id, rows))).hexdigest()[:20]


def blind_battle(battle: Battle, *, is_masked: bool = True) -> BlindBattle:
    """Three queries, whatever the number of turns and slots. For those who know the names nothing need be masked."""
    responses = Response.objects.select_related("seat").defer("raw").order_by("seat__slot")
    turns = Turn.objects.filter(battle=battle).prefetch_related(Prefetch("responses", responses))
    return BlindBattle(
        id=str(battle.pk),
        status=battle.status,
        blind=battle.blind,
        slots=tuple(battle.seats.values_list("slot", flat=True)),
        turns=tuple(
            BlindTurn(
                turn.index,
                turn.prompt,
                tuple(_blind_response(turn, response, is_masked=is_masked) for response in turn.responses.all()),
                turn.asks_for_identity,
            )
            for turn in turns
        ),
        problem=battle.problem.slug if battle.problem else "",
        system=battle.system,
        created_at=battle.created_at,
        pacing=battle.pacing,
        team=battle.team.name if battle.team else "",
    )


def _blind_response(turn: Turn, response: Response, *, is_masked: bool) -> BlindResponse:
    """Of one that has not ended for all to see nothing is told: its row may hold more."""
    is_ended = response.status in TERMINAL
    has_failed = is_ended and response.failure_code
    named_itself = is_ended and bool(response.named_itself)
    if is_masked and named_itself:
        response.steps = shown_steps(response)
        response.reasoning, response.answer = shown_texts(response)
    return BlindResponse(
        slot=response.seat.slot,
        turn=turn.index,
        status=response.status,
        reasoning=response.reasoning if is_ended else "",
        answer=response.answer if is_ended else "",
        failure=Failure(response.failure_code, response.failure_message) if has_failed else None,
        is_truncated=is_ended and response.is_truncated,
        steps=tuple((start, end) for start, end in response.steps) if is_ended else (),
        named_itself=named_itself,
        asked_at=turn.created_at if response.attempt == 1 else max(turn.created_at, response.queued_at),
        asked_alone=response.asked_alone,
    )
