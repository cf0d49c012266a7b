"""The cases are shared with the browser's port of the rule (tests/js/steps.test.js)."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from arena.battles.steps import STEPS_MAX, split_steps

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
    assert len(steps) <= STEPS_MAX
    assert "".join("".join(text[start:end] for start, end in steps).split()) == "".join(text.split())


def test_last_of_very_many_steps_takes_in_what_follows() -> None:
    text = "\n\n".join(f"step {number}" for number in range(STEPS_MAX + 5))
    steps = [text[start:end] for start, end in split_steps(text)]
    assert len(steps) == STEPS_MAX
    assert steps[-2:] == [f"step {STEPS_MAX - 2}", "\n\n".join(f"step {STEPS_MAX - 1 + more}" for more in range(6))]
    assert split_steps("a\n\n" * STEPS_MAX)[-1] == (3 * STEPS_MAX - 3, 3 * STEPS_MAX - 2)
