"""`make test`: the whole suite in its three groups, and one summary of them all as the last line.

Arguments are handed to pytest: `make test ARGS="tests/voting -k second"`.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests import chromium, postgres

ROOT = Path(__file__).resolve().parent.parent
GROUP_LIMIT_S = 900
WORKERS = min(os.cpu_count() or 1, 4)
PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"-n{WORKERS}", "--dist=loadfile"]


@dataclass
class Group:
    """One run of a runner, and what became of it."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    passed: int = 0
    failed: int = 0
    seconds: float = 0.0

    def run(self, report: Path) -> None:
        print(f"\n===== {self.name} =====", flush=True)
        started = time.monotonic()
        try:
            status = subprocess.run(
                self.command, cwd=ROOT, env=os.environ | self.environment, timeout=GROUP_LIMIT_S, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            print(f"{self.name}: ended after {GROUP_LIMIT_S} s", flush=True)
            status = 1
        self.seconds = time.monotonic() - started
        self.passed, self.failed = counts(report)
        if status and not self.failed:
            self.failed = 1  # the runner itself failed: an error outside any test

    def __str__(self) -> str:
        return f"{self.name}: {words(self.passed, self.failed)} in {self.seconds:.1f} s"


def counts(report: Path) -> tuple[int, int]:
    """Tests passed and failed, from a JUnit file."""
    try:
        cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return 0, 0
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    skipped = sum(case.find("skipped") is not None for case in cases)
    return len(cases) - failed - skipped, failed


def words(passed: int, failed: int) -> str:
    return f"{failed} failed, {passed} passed" if failed else f"{passed} passed"


def run_all(folder: Path, arguments: Sequence[str]) -> tuple[list[Group], list[str]]:
    """The groups that were run, and a line for each that was not."""
    groups, not_run = [], []

    def run(name: str, command: Sequence[str], **environment: str) -> None:
        group = Group(name, command, environment)
        group.run(folder / f"{name}.xml")
        groups.append(group)

    def pytest(name: str, *extra: str) -> list[str]:
        return [*PYTEST, f"--junitxml={folder / name}.xml", *extra, *arguments]

    run("SQLite", pytest("SQLite"), TEST_DATABASE="sqlite")
    if postgres.find_programs():
        # What does not touch the database differently is not run a second time.
        run("PostgreSQL", pytest("PostgreSQL", "-m", "not processes"), TEST_DATABASE="postgres")
    else:
        not_run.append(f"the tests on PostgreSQL: {postgres.HOW_TO_GET_IT}")
    if not chromium.find():
        not_run.append(f"the tests in a browser: {chromium.HOW_TO_GET_IT}")
    if not arguments:
        run("JavaScript", javascript(folder / "JavaScript.xml"))
    return groups, not_run


def javascript(report: Path) -> list[str]:
    files = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests" / "js").rglob("*.test.js"))
    return [
        str(ROOT / ".venv" / "node" / "node"),
        "--test",
        "--test-reporter=dot",
        "--test-reporter-destination=stdout",
        "--test-reporter=junit",
        f"--test-reporter-destination={report}",
        *files,
    ]


def main() -> int:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="arena-reports-") as folder:
        groups, not_run = run_all(Path(folder), sys.argv[1:])
    passed, failed = sum(group.passed for group in groups), sum(group.failed for group in groups)
    if chromium.is_ci():
        failed += len(not_run)
    print("\n===== Summary =====")
    print(*groups, sep="\n")
    for line in not_run:
        print(f"NOT RUN: {line}")
    print(f"===== {words(passed, failed)} in {time.monotonic() - started:.2f}s =====")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
