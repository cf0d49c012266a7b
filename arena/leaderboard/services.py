"""The verb of the leaderboard: count the ballots again and keep what came out."""

from collections.abc import Callable, Sequence

import numpy as np
from django.db import transaction
from django.utils import timezone

from arena.contestants.models import Contestant
from arena.contestants.retirement import may_take_part
from arena.leaderboard import ratings
from arena.leaderboard.models import Board, Snapshot
from arena.leaderboard.outcomes import Bools, Floats, Outcomes, Votes, preference_outcomes, reasoning_outcomes
from arena.leaderboard.queries import Figures, counted_votes, figures, latest_snapshot
from arena.leaderboard.rows import Pair, Row
from arena.leaderboard.tables import PairTables, count_pairs, count_rates

# Older snapshots of a board are dropped.
KEPT_SNAPSHOTS = 200


_OUTCOMES: dict[Board, Callable[[Votes], Outcomes]] = {
    Board.REASONING: reasoning_outcomes,
    Board.PREFERENCE: preference_outcomes,
}


def refresh_leaderboard() -> list[Snapshot]:
    """Rebuild every board from the ballots; saves and returns the snapshots of those that changed. Six queries or so.

    Two at once may save in the wrong order: `tasks.refresh` lets one run at a time.
    """
    votes, contestants = counted_votes()
    taken = figures()
    snapshots = [_snapshot(board, votes, contestants, taken) for board in Board]
    return [snapshot for snapshot in snapshots if _save_if_new(snapshot)]


def _snapshot(board: Board, votes: Votes, contestants: Sequence[Contestant], taken: dict[int, Figures]) -> Snapshot:
    said = votes.take(_said_something(board, votes))
    tables = count_pairs(_OUTCOMES[board](votes), len(contestants))
    return Snapshot(
        board=board,
        ballots=len(np.unique(said.ballot)),
        battles=len(np.unique(said.battle)),
        rows=_rows(votes, said, tables, contestants, taken),
        pairs=_pairs(tables, contestants),
    )


def _said_something(board: Board, votes: Votes) -> Bools:
    """Which votes judge their contestant in the way of this board."""
    judged: Bools = ~np.isnan(votes.correct if board == Board.REASONING else votes.best)
    return judged


def _rows(
    votes: Votes, said: Votes, tables: PairTables, contestants: Sequence[Contestant], taken: dict[int, Figures]
) -> list[Row]:
    size = len(contestants)
    fitted = ratings.fit(tables)
    rating, (low, high) = ratings.ratings(fitted), ratings.intervals(fitted)
    rate, rate_low, rate_high = ratings.correct_rates(count_rates(votes, size))
    place, spans = ratings.ranks(fitted), ratings.rank_ranges(fitted, tables.battles)
    ballots = np.bincount(said.contestant, minlength=size)
    judged = np.unique(np.column_stack([said.battle, said.contestant]), axis=0)[:, 1]
    battles = np.bincount(judged, minlength=size)
    rows = []
    for number, contestant in enumerate(contestants):
        if not ballots[number]:
            continue
        span = spans[number]
        figure = taken.get(contestant.pk, Figures())
        rows.append(
            Row(
                rank=place[number],
                rank_low=span[0] if span else None,
                rank_high=span[1] if span else None,
                group=int(fitted.group[number]) if span else None,
                slug=contestant.slug,
                name=contestant.display_name,
                simulated=contestant.simulated,
                active=may_take_part(contestant, timezone.localdate()),
                rating=_known(rating, number, 1),
                low=_known(low, number, 1),
                high=_known(high, number, 1),
                too_few_battles=bool(tables.battles[number] < ratings.ENOUGH_BATTLES),
                correct_rate=_known(rate, number, 4),
                correct_low=_known(rate_low, number, 4),
                correct_high=_known(rate_high, number, 4),
                battles=int(battles[number]),
                decided_battles=int(tables.battles[number]),
                ballots=int(ballots[number]),
                cost_per_answer_usd=figure.cost_per_answer_usd,
                first_token_ms=figure.first_token_ms,
                output_tokens=figure.output_tokens,
            )
        )
    return sorted(rows, key=_by_place)


def _by_place(row: Row) -> tuple[bool, int, int, str]:
    return row["group"] is None, row["group"] or 0, row["rank"] or 0, row["slug"]


def _pairs(tables: PairTables, contestants: Sequence[Contestant]) -> list[Pair]:
    wins = tables.wins()
    return [
        Pair(
            a=contestants[i].slug,
            b=contestants[j].slug,
            wins=round(wins[i, j]),
            losses=round(wins[j, i]),
            ties=round(tables.sums[i, j, 1]),
            battles=int(tables.meetings[i, j]),
        )
        for i, j in zip(*np.nonzero(tables.meetings), strict=True)
    ]


def _known(values: Floats, number: int, digits: int) -> float | None:
    value = float(values[number])
    return None if np.isnan(value) else round(value, digits)


@transaction.atomic
def _save_if_new(snapshot: Snapshot) -> bool:
    last = latest_snapshot(snapshot.board)
    if _content(snapshot) == (_content(last) if last else (0, 0, [], [])):
        return False
    snapshot.save()
    kept = Snapshot.objects.filter(board=snapshot.board).order_by("-pk").values("pk")[:KEPT_SNAPSHOTS]
    Snapshot.objects.filter(board=snapshot.board).exclude(pk__in=list(kept.values_list("pk", flat=True))).delete()
    return True


def _content(snapshot: Snapshot) -> tuple[int, int, list[object], list[object]]:
    return snapshot.ballots, snapshot.battles, snapshot.rows, snapshot.pairs
