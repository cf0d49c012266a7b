"""How a battle looks to its voter, and their ballot on it. The calls join those of `arena/battles/api.py`."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Schema
from pydantic import BaseModel, ConfigDict, Field

from arena.battles.api import router, stream_path, visible_battle
from arena.battles.models import Battle
from arena.battles.queries import BlindResponse
from arena.problem_json import Problem as Refusal
from arena.problem_json import only_parameters
from arena.problems.models import Problem
from arena.teams import admission
from arena.teams.api import Asker, asker
from arena.teams.limits import Deed
from arena.teams.models import Team
from arena.voting.doors import vote
from arena.voting.listing import BattlePage, listed_battles
from arena.voting.models import TIE
from arena.voting.queries import MyBallot, battle_for
from arena.voting.record import Record, record_of

__all__ = ["router"]

Judged = Literal["correct", "flawed", "unsure"]
Seen = Literal["running", "finished", "revealed"]


class FailureOut(Schema):
    code: str
    message: str


class ResponseOut(Schema):
    """`steps` are the [start, end) of the numbered steps, counted from 1 in a ballot: of the reasoning, or of the
    answer where no reasoning is shared."""

    slot: str
    status: Literal["waiting", "streaming", "finished", "failed", "stopped"]
    reasoning: str
    answer: str
    failure: FailureOut | None
    truncated: bool
    named_itself: bool = Field(description="It said who it is; until you may see the names, that is masked with ▮.")
    steps: list[tuple[int, int]]

    @staticmethod
    def resolve_truncated(response: BlindResponse) -> bool:
        return response.is_truncated


class TurnOut(Schema):
    index: int
    prompt: str
    asks_for_identity: bool = Field(description="The question asks the contestants who they are: nothing is ranked.")
    responses: list[ResponseOut]


class MyBallotOut(Schema):
    verdicts: dict[str, Judged]
    best: str | None = Field(description=f"A slot, '{TIE}', or null: no pick.")
    first_flaws: dict[str, int]
    tags: dict[str, list[str]]
    comment: str

    @staticmethod
    def resolve_best(ballot: MyBallot) -> str | None:
        return ballot.best or None


class TallyOut(Schema):
    ballots: int
    verdicts: dict[str, dict[Judged, int]]
    best: dict[str, int]


class ReferenceOut(Schema):
    """The problem's answer. `matches`: whether what a slot answered agrees with it; null where no machine can tell."""

    answer: str
    matches: dict[str, bool | None]


class RecordOut(Schema):
    """How your ballots compare; verdicts are those of your latest 200 ballots.

    `compared` are your verdicts (correct or flawed) on which others lean one way, `agreed` those that lean as they do.
    `checked` are the answers you found correct that could be compared with a reference, `confirmed` those that match.
    """

    ballots: int
    ranked: int
    compared: int
    agreed: int
    checked: int
    confirmed: int


class RevealedSlotOut(Schema):
    """Sums over the turns, null where a part is unknown; `first_token_ms` is that of the last turn."""

    slug: str
    name: str
    simulated: bool
    cost_usd: float | None
    input_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    first_token_ms: int | None
    duration_ms: int | None
    tokens_per_second: float | None = Field(
        description="From the first token to the last; reasoning that is not shared is not counted."
    )
    cached_input_tokens: int | None = Field(description="Of the input tokens, those its vendor had in a cache.")
    price_source: str = Field(description="How the cost is known; empty where it is not.")
    earlier_cost_usd: float | None = Field(description="What attempts before a retry are known to have cost.")


class BattleOut(Schema):
    """`status` is `revealed` once you may see the names; until then `tally` and `reveal` are null."""

    id: str
    url: str
    stream: str
    prompt: str
    system: str
    problem: str | None
    team: str | None = Field(description="Slug of the team it belongs to; nobody else can see it.")
    status: Seen
    blind: bool
    pacing: Literal["live", "even", "together"] = Field(description="How text is shown while the battle runs.")
    slots: list[str]
    created_at: datetime
    turns: list[TurnOut]
    ballots: int = Field(description="How many ballots were cast on this battle.")
    may_vote: bool
    may_steer: bool
    unranked_because: str = Field(description="Why a ballot on this battle would not be ranked; empty if it would.")
    my_ballot: MyBallotOut | None
    tally: TallyOut | None = Field(description="What everybody said, you among them.")
    reference: ReferenceOut | None = Field(description="Null until you have voted, or where there is none.")
    reveal: dict[str, RevealedSlotOut] | None


class ListedBattleOut(Schema):
    id: str
    url: str
    prompt: str
    status: Seen
    blind: bool
    slots: list[str]
    problem: str | None
    team: str | None
    created_at: datetime


class BattlePageOut(Schema):
    battles: list[ListedBattleOut]
    next: str | None = Field(description="Send it as `cursor` to get the next page; null on the last one.")


class BattleFilters(Schema):
    status: Seen | None = None
    problem: str | None = Field(None, description="Slug of a problem.")
    team: str | None = Field(None, description="Slug of a team of yours: all its battles, whoever started them.")
    cursor: str = Field("", description="`next` of the page before.", max_length=200)
    limit: int = Field(50, ge=1, le=100)


class CastBallot(BaseModel):
    """A verdict on the reasoning of every slot; the rest is optional. Steps are numbered from 1."""

    model_config = ConfigDict(extra="forbid", strict=True)

    verdicts: dict[str, Judged]
    best: str | None = Field(None, description=f"A slot, '{TIE}', or null: no pick.")
    first_flaws: dict[str, int] | None = Field(None, description="The first flawed step of slots judged flawed.")
    tags: dict[str, list[str]] | None = None
    comment: str | None = None


@router.get("/battles", response=BattlePageOut, summary="My battles")
def battles(request: HttpRequest, filters: Query[BattleFilters]) -> BattlePage:
    """The battles you started, newest first, or those of your team. Others are found by their link only."""
    only_parameters(request, BattleFilters.model_fields)
    try:
        return listed_battles(
            asker(request).voter,
            status=filters.status,
            problem=_problem(filters.problem),
            team=_team(request, filters.team),
            cursor=filters.cursor,
            limit=filters.limit,
        )
    except ValueError as error:
        raise Refusal.about("cursor", 422, str(error)) from error


@router.get("/battles/{uuid:battle_id}", response=BattleOut, summary="One battle")
def battle(request: HttpRequest, battle_id: UUID) -> BattleOut:
    """Texts are stored when a response ends; while it streams, watch `stream`."""
    who = asker(request)
    return _battle_out(visible_battle(battle_id, who.voter), who)


@router.put("/battles/{uuid:battle_id}/ballot", response=BattleOut, summary="Cast my ballot")
def ballot(request: HttpRequest, battle_id: UUID, cast: CastBallot) -> BattleOut:
    """One ballot per voter and battle. It shows you the names, so it cannot be changed afterwards."""
    who = asker(request)
    found = visible_battle(battle_id, who.voter)
    with who.acting(Deed.VOTE) as voter:
        vote(
            found,
            voter,
            verdicts=dict(cast.verdicts),
            best=cast.best,
            first_flaws=cast.first_flaws or {},
            tags=cast.tags or {},
            comment=cast.comment or "",
        )
    return _battle_out(found, who)


@router.get("/record", response=RecordOut, summary="My record")
def record(request: HttpRequest) -> Record:
    """All zero before your first ballot."""
    return record_of(asker(request).voter)


def _problem(slug: str | None) -> Problem | None:
    if slug is None:
        return None
    problem = Problem.objects.filter(slug=slug).first()
    if problem is None:
        raise Refusal.about("problem", 404, f"There is no problem {slug[:80]!r}.")
    return problem


def _team(request: HttpRequest, slug: str | None) -> Team | None:
    if slug is None:
        return None
    team = Team.objects.seen_by(asker(request).user).filter(slug=slug).first()
    if team is None:
        raise Refusal.about("team", 404, f"There is no team {slug[:80]!r}.")
    return team


def _battle_out(found: Battle, who: Asker) -> BattleOut:
    seen = battle_for(found, who.voter)
    blind = seen.battle
    return BattleOut.model_validate(
        {
            "id": blind.id,
            "url": found.get_absolute_url(),
            "stream": stream_path(blind.id),
            "prompt": blind.prompt,
            "system": blind.system,
            "problem": blind.problem or None,
            "team": found.team.slug if found.team else None,
            "status": seen.status,
            "blind": blind.blind,
            "pacing": blind.pacing,
            "slots": blind.slots,
            "created_at": blind.created_at,
            "turns": blind.turns,
            "ballots": seen.ballot_count,
            "may_vote": seen.may_vote and admission.barrier(who.user, who.session) is None,
            "may_steer": seen.may_steer,
            "unranked_because": seen.unranked_because,
            "my_ballot": seen.my_ballot,
            "tally": seen.tally,
            "reference": seen.reference,
            "reveal": seen.reveal,
        }
    )
