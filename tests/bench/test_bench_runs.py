"""`make bench` itself, as small as it gets."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.processes import ROOT

LIMIT_S = 560


def test_help_names_every_part() -> None:
    told = subprocess.run([sys.executable, "-m", "tests.bench", "--help"], cwd=ROOT, capture_output=True, text=True)

    assert told.returncode == 0
    assert all(
        part in told.stdout
        for part in ("streams", "scaling", "memory", "recovery", "idle", "stops", "starts", "pairing")
    )


@pytest.mark.processes
def test_bench_measures_a_whole_arena_and_keeps_its_figures(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.bench", "--only", "starts", "--starts", "2", "--into", str(tmp_path)]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S)

    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = tmp_path.glob("starts-*.json")
    (row,) = json.loads(file.read_text())
    assert (row["battles"], row["lost_or_doubled"]) == (2, 0)
    assert row["cpu_ms_per_battle"] > 0
    assert "written to" in done.stdout
