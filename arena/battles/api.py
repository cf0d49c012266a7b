"""Starting and steering battles. How a battle looks to its voter is answered in `arena/voting/api.py`."""

from typing import Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import BaseModel, ConfigDict, Field

from arena.battles import doors
from arena.battles.models import MAX_SIZE, MIN_SIZE, Battle, BattleStatus
from arena.battles.queries import find_battle
from arena.problem_json import Problem as Refusal
from arena.problems.models import Problem
from arena.teams.api import asker
from arena.teams.limits import Deed
from arena.teams.models import Team, Voter
from arena.teams.networks import network_of

router = Router(tags=["battles"])


class StartBattle(BaseModel):
    """A question in your own words (`prompt`) or one from the collection (`problem`)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    prompt: str | None = Field(None, description="The question. Leave it out if you name a problem.")
    problem: str | None = Field(None, description="Slug of a problem of the collection.")
    size: int = Field(2, description=f"Number of contestants, {MIN_SIZE} to {MAX_SIZE}.")
    contestants: list[str] | None = Field(
        None, description="Slugs that must take part, even if not available; others are drawn."
    )
    blind: bool = Field(True, description="False: names are shown from the start, and ballots are not ranked.")
    pacing: Literal["live", "even", "together"] | None = Field(
        None,
        description="How text is shown: as it comes (`live`), at one pace for all (`even`), or once all are done "
        "(`together`). Only the last two hide who is fast. Left out: as the arena is set for blind battles, live for "
        "others.",
    )
    team: str | None = Field(None, description="Slug of the team the battle belongs to; then only the team can see it.")
    system: str | None = Field(None, description="A system prompt for every contestant.")


class AddTurn(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    prompt: str


class Steered(Schema):
    """A battle that was started or steered: where to watch it, and nothing of who takes part."""

    id: str
    url: str = Field(description="Path of the battle's page on this site.")
    stream: str = Field(description="Path of the battle's socket on this site.")
    status: BattleStatus
    slots: list[str]


@router.post("/battles", response={201: Steered}, summary="Start a battle")
def start_battle(request: HttpRequest, wanted: StartBattle) -> Steered:
    """Draws the contestants and asks them. Follow the answers on `stream`, or ask for the battle again."""
    problem = _problem(wanted)
    team = _team(request, wanted)
    with asker(request).acting(Deed.ASK) as voter:
        battle = doors.open_battle(
            voter,
            prompt=wanted.prompt or "",
            problem=problem,
            size=wanted.size,
            contestants=wanted.contestants or (),
            blind=wanted.blind,
            pacing=wanted.pacing,
            system=wanted.system or "",
            team=team,
            network=network_of(request),
        )
    return _started(battle)


@router.post("/battles/{uuid:battle_id}/turns", response={201: Steered}, summary="Ask a follow-up question")
def add_turn(request: HttpRequest, battle_id: UUID, turn: AddTurn) -> Steered:
    """Puts one more prompt to every contestant. Refused while a turn runs, and after the names were shown."""
    asker(request).hold_back(Deed.ASK)
    battle, voter = _found(request, battle_id)
    doors.ask_on(battle, voter, prompt=turn.prompt, network=network_of(request))
    return _steered(battle)


@router.post("/battles/{uuid:battle_id}/stop", response=Steered, summary="Stop every running response")
def stop(request: HttpRequest, battle_id: UUID) -> Steered:
    """Closes the connections to the model servers; what had arrived by then is kept."""
    battle, voter = _found(request, battle_id)
    doors.halt(battle, voter)
    return _steered(battle)


@router.post("/battles/{uuid:battle_id}/responses/{slug:slot}/retry", response=Steered, summary="Ask one slot again")
def retry(request: HttpRequest, battle_id: UUID, slot: str) -> Steered:
    """Only a response that failed or was stopped can be retried. The other slots are untouched."""
    battle, voter = _found(request, battle_id)
    if not battle.seats.filter(slot=slot).exists():
        raise Refusal(404, f"This battle has no slot {slot[:5]!r}.")
    asker(request).hold_back(Deed.ASK)
    doors.ask_again(battle, voter, slot=slot, network=network_of(request))
    return _steered(battle)


def visible_battle(battle_id: UUID, voter: Voter | None) -> Battle:
    battle = find_battle(battle_id, voter)
    if battle is None:
        raise Refusal(404, f"There is no battle {battle_id}.")
    return battle


def stream_path(battle_id: object) -> str:
    return f"/ws/battles/{battle_id}/"


def _found(request: HttpRequest, battle_id: UUID) -> tuple[Battle, Voter | None]:
    voter = asker(request).voter
    return visible_battle(battle_id, voter), voter


def _problem(wanted: StartBattle) -> Problem | None:
    if wanted.problem is None:
        return None
    if wanted.prompt:
        raise Refusal.about("problem", 422, "Send a prompt or a problem, not both.")
    problem = Problem.objects.filter(slug=wanted.problem).first()
    if problem is None:
        raise Refusal.about("problem", 422, f"There is no problem {wanted.problem[:80]!r}.")
    return problem


def _team(request: HttpRequest, wanted: StartBattle) -> Team | None:
    if wanted.team is None:
        return None
    user = asker(request).user
    team = Team.objects.seen_by(user).filter(slug=wanted.team).first()
    if team is None:
        raise Refusal.about("team", 422, f"There is no team {wanted.team[:80]!r}.")
    if not Team.objects.active_for(user).filter(pk=team.pk).exists():
        raise Refusal.about("team", 403, "Viewers of a team read along; its members start battles.")
    return team


def _steered(battle: Battle) -> Steered:
    battle.refresh_from_db(fields=["status"])
    return _started(battle)


def _started(battle: Battle) -> Steered:
    return Steered(
        id=str(battle.pk),
        url=battle.get_absolute_url(),
        stream=stream_path(battle.pk),
        status=BattleStatus(battle.status),
        slots=list(battle.seats.values_list("slot", flat=True)),
    )
