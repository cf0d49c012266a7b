from typing import Any, cast

import pytest

from arena.leaderboard.plot import head_to_head, interval_plot
from arena.leaderboard.rows import Pair, Row
from arena.leaderboard.templatetags.leaderboard import seconds


def row(slug: str, **values: Any) -> Row:
    return cast(Row, {"slug": slug, "low": None, "rating": None, "high": None} | values)


def test_rows_without_a_rating_are_not_drawn() -> None:
    assert interval_plot([row("a")], 1000) is None


def test_plot_holds_every_interval_and_the_mean() -> None:
    plot = interval_plot([row("a", low=1100, rating=1200, high=1300), row("b", low=1050, rating=1060, high=1070)], 1000)
    assert plot
    assert [tick.value for tick in plot.ticks] == [1000, 1050, 1100, 1150, 1200, 1250, 1300]
    assert 0 < plot.mean_x < plot.marks[1].low_x < plot.marks[0].high_x < 100
    assert plot.marks[0].y < plot.marks[1].y < plot.axis_y < plot.height


def test_interval_without_width_has_a_scale() -> None:
    plot = interval_plot([row("a", low=1000, rating=1000, high=1000)], 1000)
    assert plot
    assert plot.marks[0].x == pytest.approx(50)


def test_pairs_are_seen_from_both_sides() -> None:
    pair = Pair(a="a", b="b", wins=3, losses=1, ties=2, battles=5)
    table = head_to_head([row("a"), row("b"), row("c")], [pair])
    ab, ba = table.cells[0][1], table.cells[1][0]
    assert ab and ba
    assert (ab.wins, ab.losses, ab.ties, ab.lean) == (3, 1, 2, "won")
    assert (ba.wins, ba.losses, ba.ties, ba.lean) == (1, 3, 2, "lost")
    assert table.cells[0][0] is table.cells[0][2] is None


def test_times_are_in_seconds() -> None:
    assert [seconds(value) for value in (None, 40, 1234, 90_400)] == ["–", "0.0 s", "1.2 s", "90 s"]
