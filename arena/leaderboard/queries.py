"""What the boards are made of, read from ballots and responses, and the newest snapshot of a board."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from django.db.models import Avg, Q

from arena.battles.models import Response, ResponseStatus
from arena.contestants.models import Contestant
from arena.leaderboard.models import Board, Snapshot
from arena.leaderboard.outcomes import Votes
from arena.leaderboard.rows import Row
from arena.teams.models import Exclusion
from arena.voting.models import TIE, Judgement, Verdict

_CORRECT = {Judgement.CORRECT.value: 1.0, Judgement.FLAWED.value: 0.0}


@dataclass(frozen=True, slots=True)
class Figures:
    """What a contestant's finished responses took, in ranked and open battles alike; None where no server told."""

    cost_per_answer_usd: float | None = None
    first_token_ms: int | None = None
    output_tokens: int | None = None


def latest_snapshot(board: str) -> Snapshot | None:
    """The board as it stands, or None before the first vote on it. Of two machines the clocks may differ: the numbers,
    given one refresh after another, do not."""
    return Snapshot.objects.filter(board=board).order_by("-pk").first()


def records_of(slug: str) -> list[tuple[Board, Row]]:
    """What the newest snapshot of each board says of a contestant; one query a board."""
    boards = ((board, latest_snapshot(board)) for board in Board)
    return [(board, row) for board, snapshot in boards if snapshot for row in snapshot.rows if row["slug"] == slug]


def counted_votes() -> tuple[Votes, list[Contestant]]:
    """All ballots that count, and the contestants they are about: `Votes.contestant` is an index into that list.

    What a team votes among itself is not for the public boards, nor is what an excluded voter says. Two queries,
    whatever the number of ballots.
    """
    rows = list(
        Verdict.objects.filter(ballot__uncounted_because="", ballot__battle__team=None)
        .exclude(ballot__voter__in=Exclusion.objects.in_force().values("voter"))
        .order_by("ballot_id", "seat__slot")
        .values_list("ballot__battle_id", "ballot_id", "seat__contestant_id", "seat__slot", "judgement", "ballot__best")
    )
    contestants = list(Contestant.objects.filter(pk__in={row[2] for row in rows}).order_by("slug"))
    index = {contestant.pk: number for number, contestant in enumerate(contestants)}
    battles: dict[object, int] = {}
    votes = Votes(
        battle=np.array([battles.setdefault(row[0], len(battles)) for row in rows], dtype=np.int64),
        ballot=np.array([row[1] for row in rows], dtype=np.int64),
        contestant=np.array([index[row[2]] for row in rows], dtype=np.int64),
        correct=np.array([_CORRECT.get(row[4], np.nan) for row in rows], dtype=float),
        best=np.array([_share_of_pick(row[5], row[3]) for row in rows], dtype=float),
    )
    return votes, contestants


def figures() -> dict[int, Figures]:
    """By contestant id, over its finished responses in public battles whose names are known. Two queries.

    Those of a battle that still is blind would move a figure the moment it ends, and so tell who took part in it.
    """
    names_known = Q(turn__battle__revealed_at__isnull=False) | Q(turn__battle__blind=False)
    finished = Response.objects.filter(names_known, status=ResponseStatus.FINISHED, turn__battle__team=None).order_by()
    first_tokens: dict[int, list[int]] = defaultdict(list)
    known = finished.filter(first_token_ms__isnull=False)
    for contestant, milliseconds in known.values_list("seat__contestant_id", "first_token_ms").iterator(10_000):
        if milliseconds is not None:
            first_tokens[contestant].append(milliseconds)
    means = finished.values_list("seat__contestant_id").annotate(Avg("cost_usd"), Avg("output_tokens"))
    return {
        contestant: Figures(
            cost_per_answer_usd=None if cost is None else round(cost, 8),
            first_token_ms=round(float(np.median(first_tokens[contestant]))) if contestant in first_tokens else None,
            output_tokens=None if tokens is None else round(tokens),
        )
        for contestant, cost, tokens in means
    }


def _share_of_pick(best: str, slot: str) -> float:
    if not best:
        return np.nan
    return 0.5 if best == TIE else float(best == slot)
