"""Results: rows of figures, as a table to read and a JSON file to keep."""

import json
import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from tests.bench.processes import ROOT

Row = dict[str, object]

FOLDER = ROOT / "var" / "bench"


def ms(seconds: float) -> float | None:
    """None where nothing was measured: JSON knows no NaN."""
    return None if math.isnan(seconds) else round(seconds * 1000, 1)


def figure(row: Row, name: str) -> float:
    """A number of the row; NaN if it has none by that name."""
    value = row.get(name)
    return float(value) if isinstance(value, int | float) else math.nan


def ratio(value: float, other: float) -> float | None:
    return round(value / other, 2) if other else None


def table(title: str, rows: list[Row], columns: Mapping[str, str]) -> str:
    cells = [list(columns.values())] + [[_shown(row.get(name)) for name in columns] for row in rows]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
    return "\n".join([title, *lines, ""]) + "\n"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return "" if value is None else str(value)


def keep(folder: Path, kind: str, rows: list[Row]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / time.strftime(f"{kind}-%Y%m%d-%H%M%S.json")
    path.write_text(json.dumps(rows, indent=1) + "\n")
    return path


def tell(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
