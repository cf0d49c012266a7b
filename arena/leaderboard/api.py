"""`GET /leaderboard` and `GET /leaderboard/pairs`: the newest snapshot of a board. Nothing is computed here."""

from datetime import datetime
from typing import Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from arena.leaderboard.models import Snapshot
from arena.leaderboard.queries import latest_snapshot
from arena.problem_json import Problem as Refusal
from arena.problem_json import only_parameters

router = Router(tags=["leaderboard"])

VERIFIED = "verified"
NATIVE = "native"


class Filters(Schema):
    """This arena ranks all its own ballots together: the boards are not yet cut by team, category, problem or time."""

    board: Literal["reasoning", "preference", "verified"] = "reasoning"
    source: str = Field(NATIVE, description="Where the ballots come from: this arena's own.")
    team: str | None = None
    category: str | None = None
    problem: str | None = None
    since: str | None = None


class RowOut(Schema):
    """One contestant; null where a thing is not known. `low` and `high` bound the rating at 95 %.

    Ranks and ratings compare contestants of the same `group`, which ballots link to one another; group 0 is the
    largest. `correct_*` is the share of verdicts that found the reasoning correct, with its bounds.
    """

    rank: int | None
    rank_low: int | None
    rank_high: int | None
    group: int | None
    slug: str
    name: str
    simulated: bool
    active: bool
    rating: float | None
    low: float | None
    high: float | None
    too_few_battles: bool
    correct_rate: float | None
    correct_low: float | None
    correct_high: float | None
    battles: int
    decided_battles: int
    ballots: int
    cost_per_answer_usd: float | None
    first_token_ms: int | None
    output_tokens: int | None


class PairOut(Schema):
    """How `a` fared against `b`, in ballots, and the number of battles these were about."""

    a: str
    b: str
    wins: int
    losses: int
    ties: int
    battles: int


class BoardOut(Schema):
    board: str
    updated_at: datetime | None = Field(description="Null: no ballot has been counted yet.")
    ballots: int
    battles: int
    rows: list[RowOut]


class PairsOut(Schema):
    board: str
    updated_at: datetime | None
    pairs: list[PairOut]


@router.get("/leaderboard", response=BoardOut, summary="A board")
def leaderboard(request: HttpRequest, filters: Query[Filters]) -> dict[str, object]:
    """The reasoning board ranks by verdicts on the reasoning, the preference board by picks of the best response."""
    snapshot = _snapshot(request, filters)
    return _head(filters.board, snapshot) | {
        "ballots": snapshot.ballots if snapshot else 0,
        "battles": snapshot.battles if snapshot else 0,
        "rows": snapshot.rows if snapshot else [],
    }


@router.get("/leaderboard/pairs", response=PairsOut, summary="Head-to-head counts")
def pairs(request: HttpRequest, filters: Query[Filters]) -> dict[str, object]:
    """How often each contestant beat each other one, on the same ballots as the board."""
    snapshot = _snapshot(request, filters)
    return _head(filters.board, snapshot) | {"pairs": snapshot.pairs if snapshot else []}


def _snapshot(request: HttpRequest, filters: Filters) -> Snapshot | None:
    only_parameters(request, Filters.model_fields)
    if filters.board == VERIFIED:
        raise Refusal.about(
            "board", 422, "This arena keeps a reasoning and a preference board; there is no verified one."
        )
    if filters.source != NATIVE:
        raise Refusal.about("source", 422, "This arena ranks its own ballots only: source can be 'native'.")
    for name in ("team", "category", "problem", "since"):
        if getattr(filters, name) is not None:
            raise Refusal.about(name, 422, f"The boards of this arena cannot be filtered by {name}.")
    return latest_snapshot(filters.board)


def _head(board: str, snapshot: Snapshot | None) -> dict[str, object]:
    return {"board": board, "updated_at": snapshot.updated_at if snapshot else None}
