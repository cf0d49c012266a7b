"""The verb of the leaderboard: count the ballots again and keep what came out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from django.db import transaction
from django.utils import timezone

from arena.contestants.models import Contestant, DrawAim
from arena.contestants.queries import in_the_draw
from arena.contestants.retirement import may_take_part
from arena.leaderboard import ratings
from arena.leaderboard.aiming import plan
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


@dataclass(frozen=True)
class _Counted:
    """What the ballots say on one board, and the estimate from it."""

    tables: PairTables
    fitted: ratings.Fit


def refresh_leaderboard() -> list[Snapshot]:
    """Rebuild every board from the ballots, and aim the draw at what they leave open. Ten queries or so.

    Saves and returns the snapshots of those boards that changed.

    Two at once may save in the wrong order: `tasks.refresh` lets one run at a time.
    """
    votes, contestants = counted_votes()
    taken = figures()
    counted = {board: _count(board, votes, len(contestants)) for board in Board}
    _save_aim(*_aim(list(counted.values()), contestants))
    snapshots = [_snapshot(board, votes, contestants, taken, counted[board]) for board in Board]
    return [snapshot for snapshot in snapshots if _save_if_new(snapshot)]


def _count(board: Board, votes: Votes, contestants: int) -> _Counted:
    tables = count_pairs(_OUTCOMES[board](votes), contestants)
    return _Counted(tables, ratings.fit(tables))


def _snapshot(
    board: Board, votes: Votes, contestants: Sequence[Contestant], taken: dict[int, Figures], counted: _Counted
) -> Snapshot:
    said = votes.take(_said_something(board, votes))
    return Snapshot(
        board=board,
        ballots=len(np.unique(said.ballot)),
        battles=len(np.unique(said.battle)),
        rows=_rows(votes, said, counted, contestants, taken),
        pairs=_pairs(counted.tables, contestants),
    )


def _said_something(board: Board, votes: Votes) -> Bools:
    """Which votes judge their contestant in the way of this board."""
    judged: Bools = ~np.isnan(votes.correct if board == Board.REASONING else votes.best)
    return judged


def _rows(
    votes: Votes, said: Votes, counted: _Counted, contestants: Sequence[Contestant], taken: dict[int, Figures]
) -> list[Row]:
    size = len(contestants)
    tables, fitted = counted.tables, counted.fitted
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


Aim = tuple[list[list[float]], list[int]]


def _aim(boards: Sequence[_Counted], contestants: Sequence[Contestant]) -> Aim:
    """The pairs and the newcomers of a `DrawAim`. Boards that leave something open have equal parts in it; a newcomer
    is in too few battles on every board."""
    index = {contestant.pk: number for number, contestant in enumerate(contestants)}
    playing = sorted(contestant.pk for contestant in in_the_draw())
    places = np.array([index.get(pk, -1) for pk in playing], dtype=np.int64)
    plans = [shares for board in boards if (shares := plan(board.tables, board.fitted, places)).any()]
    shares = sum(plans, np.zeros((len(playing), len(playing)))) / max(len(plans), 1)
    pairs: list[list[float]] = [
        [playing[i], playing[j], round(float(shares[i, j]), 4)] for i, j in zip(*np.nonzero(shares), strict=True)
    ]
    battles = np.max([board.tables.battles for board in boards], axis=0)
    newcomers = [
        pk for pk, place in zip(playing, places, strict=True) if place < 0 or battles[place] < ratings.ENOUGH_BATTLES
    ]
    return pairs, newcomers


def _save_aim(pairs: list[list[float]], newcomers: list[int]) -> None:
    """In one row: who draws at the same time reads the old aim or the new one."""
    values = {"pairs": pairs, "newcomers": newcomers}
    if not DrawAim.objects.filter(pk=1).update(updated_at=timezone.now(), **values):
        DrawAim.objects.get_or_create(pk=1, defaults=values)


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
