"""The leaderboard's page: the newest snapshot of a board. Nothing is computed here but positions."""

from dataclasses import dataclass
from itertools import groupby

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from arena.leaderboard.models import Board
from arena.leaderboard.plot import HeadToHead, Plot, head_to_head, interval_plot
from arena.leaderboard.queries import latest_snapshot
from arena.leaderboard.ratings import ENOUGH_BATTLES, MEAN
from arena.leaderboard.rows import Row


@dataclass(frozen=True, slots=True)
class Section:
    """Contestants that can be compared with each other; `group` is None for those that nothing compares."""

    group: int | None
    rows: list[Row]
    plot: Plot | None


@require_safe
def leaderboard(request: HttpRequest) -> HttpResponse:
    name = request.GET.get("board", Board.REASONING)
    if name not in Board.values:
        raise Http404("There is no such board.")
    snapshot = latest_snapshot(name)
    rows: list[Row] = snapshot.rows if snapshot else []
    context = {
        "board": Board(name),
        "boards": list(Board),
        "snapshot": snapshot,
        "sections": _sections(rows),
        "head_to_head": _head_to_head(rows, snapshot.pairs if snapshot else []),
        "enough_battles": ENOUGH_BATTLES,
        "any_too_few": any(row["too_few_battles"] for row in rows),
        "any_simulated": any(row["simulated"] for row in rows),
    }
    return render(request, "leaderboard/leaderboard.html", context)


def _sections(rows: list[Row]) -> list[Section]:
    """The rows of a snapshot stand by group."""
    grouped = [(group, list(members)) for group, members in groupby(rows, key=lambda row: row["group"])]
    return [Section(group, members, interval_plot(members, MEAN)) for group, members in grouped]


def _head_to_head(rows: list[Row], pairs: list[object]) -> HeadToHead | None:
    return head_to_head([row for row in rows if row["group"] is not None], pairs) if pairs else None  # type: ignore[arg-type]  # JSON, written as Pair
