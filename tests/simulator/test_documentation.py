"""`docs/simulator.md` tells of every direction and every fault, and how each vendor words its errors."""

from pathlib import Path

import pytest
from django.conf import settings

from arena.contestants.simulator.directions import KEYS, Directions, Fault, Placement
from arena.contestants.simulator.refusals import Vendor, refusal

DOCUMENT = Path(settings.BASE_DIR, "docs", "simulator.md").read_text("utf-8")
REFUSALS = [fault for fault in Fault if refusal(Directions(fault=fault), Vendor.OPENAI, "x")]


def row(fault: Fault) -> str:
    """The line of a fault in the table of errors: status and kind for each vendor."""
    cells = []
    for vendor in (Vendor.OPENAI, Vendor.ANTHROPIC, Vendor.OLLAMA):
        words = refusal(Directions(fault=fault), vendor, "x")
        assert words
        kind = (words.code or words.kind) if vendor != Vendor.OLLAMA else words.message.replace("'x'", "…")
        cells.append(f"{words.status} `{kind}`")
    return f"| `{fault}` | {' | '.join(cells)} |"


@pytest.mark.parametrize("fault", REFUSALS)
def test_errors_are_in_the_table_as_they_are(fault: Fault) -> None:
    assert row(fault) in DOCUMENT


@pytest.mark.parametrize("word", [*sorted(KEYS), *filter(None, Fault), *Placement])
def test_every_direction_and_fault_is_told(word: str) -> None:
    assert f"`{word}`" in DOCUMENT
