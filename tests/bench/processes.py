"""Starting what is measured, and reading what it costs."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
START_LIMIT_S = 120.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_s(pids: list[int]) -> float:
    """User and system time of these processes so far."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / CLOCK_TICKS


def rss_mb(pids: list[int]) -> float:
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def descendants(pid: int) -> dict[int, str]:
    """Every process below `pid`, with its command line."""
    parents: dict[int, list[int]] = {}
    commands: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
                commands[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
    found: dict[int, str] = {}
    waiting = [pid]
    while waiting:
        for child in parents.get(waiting.pop(), []):
            found[child] = commands[child]
            waiting.append(child)
    return found


def roles(pid: int) -> dict[str, list[int]]:
    """The arena's processes by what they do."""
    by_role: dict[str, list[int]] = {"web": [], "worker": [], "redis": [], "supervisor": [pid]}
    for child, command in descendants(pid).items():
        by_role[_role(command)].append(child)
    return by_role


def _role(command: str) -> str:
    if "valkey-server" in command or "redis-server" in command:
        return "redis"
    for role in ("web", "worker"):
        if f"arena {role}" in command:
            return role
    return "supervisor"


@contextlib.contextmanager
def running(
    arguments: list[str], *, url: str, environment: dict[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A process of this project's Python, from when `url` answers until the block ends."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=os.environ | environment, stdout=output, stderr=output
        )
    try:
        wait_for(url, process, log)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    give_up_at = time.monotonic() + START_LIMIT_S
    while time.monotonic() < give_up_at:
        if process.poll() is not None:
            raise SystemExit(f"a process of the bench ended early; see {log}:\n{log.read_text()[-2000:]}")
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as page:
            if page.status == 200:
                return
        time.sleep(0.1)
    raise SystemExit(f"{url} does not answer; see {log}")
