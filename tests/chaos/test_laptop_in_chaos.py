"""A short trial of `manage.py arena`; `make chaos` holds long ones."""

from pathlib import Path

import pytest

from tests.chaos.plan import SHORT
from tests.chaos.trial import prepare, try_once

pytestmark = [pytest.mark.processes, pytest.mark.usefixtures("time_for_a_trial")]


def test_nothing_is_lost_while_parts_of_the_arena_die(tmp_path: Path) -> None:
    report = try_once("laptop", 55, SHORT, prepare(tmp_path), tmp_path / "trial")
    assert report.findings == []
    assert report.ballots >= 2 * SHORT.battles
    assert report.connections > report.viewers
