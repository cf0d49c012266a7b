"""The cases are shared with the browser's port of the rule (tests/js/steps.test.js)."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from arena.battles.steps import split_steps

CASES = json.loads((Path(__file__).parent / "data" / "steps.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_text_is_cut_into_its_steps(case: dict[str, Any]) -> None:
    assert [case["text"][start:end] for start, end in split_steps(case["text"])] == case["steps"]


CHARS = 1_000_000
LONG_TEXTS = {
    "paragraphs": "So x = 2, and on we go.\n\n" * (CHARS // 25),
    "nothing but blank lines": "\n" * CHARS,
    "lines of spaces": ("\n" + " " * 500) * (CHARS // 501) + "x",
    "tildes that never end": "~" * CHARS,
    "backticks that never end": "`" * CHARS,
    "a fence that is almost closed": "```a\n" + ("`" * 1000 + "x\n") * (CHARS // 1002),
    "a fence closed by a very long line": "```a\n```" + "`~" * (CHARS // 2) + "x",
    "formulas that are never closed": "\\[\n" * (CHARS // 3),
    "formulas that open and close": "$$\n\n" * (CHARS // 4),
}


@pytest.mark.parametrize("text", LONG_TEXTS.values(), ids=LONG_TEXTS)
def test_cutting_takes_no_longer_than_the_text(text: str) -> None:
    """A worker's other battles wait meanwhile. The time is a hundred times what it takes; a bad pattern takes hours."""
    started = time.process_time()
    steps = split_steps(text)
    assert time.process_time() - started < 30
    assert "".join("".join(text[start:end] for start, end in steps).split()) == "".join(text.split())
