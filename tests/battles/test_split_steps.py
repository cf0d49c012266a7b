"""The cases are shared with the browser's port of the rule (tests/js/steps.test.js)."""

import json
from pathlib import Path
from typing import Any

import pytest

from arena.battles.steps import split_steps

CASES = json.loads((Path(__file__).parent / "data" / "steps.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_text_is_cut_into_its_steps(case: dict[str, Any]) -> None:
    assert [case["text"][start:end] for start, end in split_steps(case["text"])] == case["steps"]
