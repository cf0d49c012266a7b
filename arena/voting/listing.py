"""The battles that a voter started, or that a team has, a page at a time, with the status each has for the voter."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch, Q

from arena.battles.models import Battle, BattleQuerySet, BattleStatus, Seat, Turn
from arena.problems.models import Problem
from arena.teams.models import Team, Voter
from arena.voting.models import Ballot

REVEALED = "revealed"


@dataclass(frozen=True, slots=True)
class ListedBattle:
    """Slots only, and no texts but the first prompt."""

    id: str
    url: str
    prompt: str
    status: str
    blind: bool
    slots: tuple[str, ...]
    problem: str | None
    team: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class BattlePage:
    """`next` is the cursor of the following page, None on the last one."""

    battles: tuple[ListedBattle, ...]
    next: str | None


def listed_battles(
    voter: Voter | None,
    *,
    status: str | None,
    problem: Problem | None,
    team: Team | None = None,
    cursor: str,
    limit: int,
) -> BattlePage:
    """Of a team: all that it has, if this voter may see them. Three queries. Raises ValueError for a cursor that is not
    ours."""
    after = _read_cursor(cursor) if cursor else None
    listed = Battle.objects.listed_for(voter) if team is None else Battle.objects.of_team(team, voter)
    battles = _with_names_known(listed, voter)
    if status is not None:
        battles = battles.filter(_has_status(status))
    if problem is not None:
        battles = battles.filter(problem=problem)
    if after is not None:
        created_at, pk = after
        battles = battles.filter(Q(created_at__lt=created_at) | Q(created_at=created_at, pk__lt=pk))
    first_turns = Prefetch("turns", Turn.objects.filter(index=0), "first_turns")
    slots = Prefetch("seats", Seat.objects.only("battle_id", "slot"))
    found = list(battles.prefetch_related(first_turns, slots)[: limit + 1])
    page = found[:limit]
    return BattlePage(tuple(map(_listed, page)), _cursor(page[-1]) if len(found) > limit else None)


def _with_names_known(battles: BattleQuerySet, voter: Voter | None) -> BattleQuerySet:
    own_ballot = Ballot.objects.filter(battle=OuterRef("pk"), voter=voter)
    return battles.alias(has_voted=Exists(own_ballot)).annotate(names_known=Q(has_voted=True) | Q(blind=False))


def _has_status(status: str) -> Q:
    if status == BattleStatus.RUNNING:
        return Q(status=BattleStatus.RUNNING)
    return Q(status=BattleStatus.FINISHED, names_known=status == REVEALED)


def _listed(battle: Battle) -> ListedBattle:
    first_turns: Sequence[Turn] = battle.first_turns  # type: ignore[attr-defined]  # prefetched above
    return ListedBattle(
        id=str(battle.pk),
        url=battle.get_absolute_url(),
        prompt=first_turns[0].prompt,
        status=REVEALED if battle.names_known and not battle.is_running else battle.status,  # type: ignore[attr-defined]
        blind=battle.blind,
        slots=tuple(seat.slot for seat in battle.seats.all()),
        problem=battle.problem.slug if battle.problem else None,
        team=battle.team.slug if battle.team else None,
        created_at=battle.created_at,
    )


def _cursor(battle: Battle) -> str:
    return urlsafe_b64encode(f"{battle.created_at.isoformat()} {battle.pk}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, UUID]:
    try:
        created_at, pk = urlsafe_b64decode(cursor.encode()).decode().split(" ")
        moment = datetime.fromisoformat(created_at)
        if moment.tzinfo is None:
            raise ValueError("no time zone")
        return moment.astimezone(UTC), UUID(pk)
    except (binascii.Error, UnicodeError, ValueError, OverflowError) as error:
        raise ValueError("This cursor was not made here. Begin without one, and use `next` of each answer.") from error
