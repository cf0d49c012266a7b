"""Where things stand in the interval plot and the head-to-head table. Rows in, positions out; no Django here."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from arena.leaderboard.rows import Pair, Row

# In pixels of the SVG, whose height follows from its rows while its width is that of the page.
BAND = 52
TOP = 8
AXIS = 36
MARGIN_PERCENT = 3.0
TICKS = 6


@dataclass(frozen=True, slots=True)
class Mark:
    """One contestant's line: x in percent of the width, y in pixels."""

    row: Row
    top: int
    label_y: int
    y: int
    low_x: float
    x: float
    high_x: float


@dataclass(frozen=True, slots=True)
class Tick:
    value: int
    x: float


@dataclass(frozen=True, slots=True)
class Plot:
    height: int
    band: int
    axis_y: int
    marks: tuple[Mark, ...]
    ticks: tuple[Tick, ...]
    mean_x: float


@dataclass(frozen=True, slots=True)
class Cell:
    """How the row's contestant fared against the column's. share: of points, a tie half, in 0 to 1."""

    wins: int
    losses: int
    ties: int
    battles: int
    share: float

    @property
    def lean(self) -> str:
        """For the colour: which way it leans, and only where it clearly does."""
        if self.share >= 0.6:
            return "won"
        return "lost" if self.share <= 0.4 else "even"


@dataclass(frozen=True, slots=True)
class HeadToHead:
    """cells[i] belongs to rows[i]; None where two never met, and against oneself."""

    rows: tuple[Row, ...]
    cells: tuple[tuple[Cell | None, ...], ...]

    def lines(self) -> list[tuple[Row, tuple[Cell | None, ...]]]:
        return list(zip(self.rows, self.cells, strict=True))


def interval_plot(rows: Sequence[Row], mean: float) -> Plot | None:
    """The intervals of rated rows on one scale, which holds every interval and the mean; None if no row is rated."""
    spans = [
        (row, row["low"], row["rating"], row["high"])
        for row in rows
        if row["low"] is not None and row["rating"] is not None and row["high"] is not None
    ]
    if not spans:
        return None
    low = min(mean, *(span[1] for span in spans))
    high = max(mean, *(span[3] for span in spans))
    step = _step(high - low)
    first, last = math.floor(low / step) * step, math.ceil(high / step) * step
    if first == last:
        first, last = first - step, last + step

    def x(value: float) -> float:
        return round(MARGIN_PERCENT + (100 - 2 * MARGIN_PERCENT) * (value - first) / (last - first), 2)

    marks = tuple(
        Mark(row, TOP + BAND * line, TOP + BAND * line + 18, TOP + BAND * line + 34, x(low), x(rating), x(high))
        for line, (row, low, rating, high) in enumerate(spans)
    )
    ticks = tuple(Tick(value, x(value)) for value in range(first, last + 1, step))
    axis_y = TOP + BAND * len(marks)
    return Plot(axis_y + AXIS, BAND, axis_y, marks, ticks, x(mean))


def head_to_head(rows: Sequence[Row], pairs: Sequence[Pair]) -> HeadToHead:
    """Every row against every other, in the order of the rows."""
    met: dict[tuple[str, str], Cell] = {}
    for pair in pairs:
        met[pair["a"], pair["b"]] = _cell(pair["wins"], pair["losses"], pair["ties"], pair["battles"])
        met[pair["b"], pair["a"]] = _cell(pair["losses"], pair["wins"], pair["ties"], pair["battles"])
    cells = tuple(tuple(met.get((row["slug"], column["slug"])) for column in rows) for row in rows)
    return HeadToHead(tuple(rows), cells)


def _cell(wins: int, losses: int, ties: int, battles: int) -> Cell:
    return Cell(wins, losses, ties, battles, (wins + ties / 2) / (wins + losses + ties))


def _step(span: float) -> int:
    """The round number that gives about TICKS ticks."""
    for step in (10, 20, 50, 100, 200, 500, 1000, 2000):
        if span <= step * TICKS:
            return step
    return 5000
