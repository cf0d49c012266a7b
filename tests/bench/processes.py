"""Starting what is measured, and reading what it costs."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
START_LIMIT_S = 180.0
STOP_LIMIT_S = 30.0
POLL_S = 0.1
IDLE_FIELDS = (3, 4)  # of a line of /proc/stat: idle, waiting for a disk


@dataclass(frozen=True)
class Cost:
    """Of some processes: their time on the CPU so far, and the memory they hold now."""

    cpu_s: float
    rss_mb: float


Costs = dict[str, Cost]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cost_of(pids: list[int]) -> Cost:
    return Cost(cpu_s(pids), rss_mb(pids))


def cpu_s(pids: list[int]) -> float:
    """User and system time of these processes so far, with that of children that have ended."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):  # it has just ended
            ticks += sum(map(int, _stat(pid)[11:15]))
    return ticks / CLOCK_TICKS


def rss_mb(pids: list[int]) -> float:
    pages = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * PAGE_BYTES / 1e6


def machine_busy_s() -> float:
    """How long all cores together have worked so far, for whomever."""
    with open("/proc/stat") as stat:
        fields = [int(field) for field in stat.readline().split()[1:9]]
    return (sum(fields) - sum(fields[place] for place in IDLE_FIELDS)) / CLOCK_TICKS


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the third on: a name may hold spaces."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def descendants(pid: int) -> dict[int, str]:
    """Every process below `pid`, with its command line."""
    parents: dict[int, list[int]] = {}
    commands: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents.setdefault(int(_stat(int(entry.name))[1]), []).append(int(entry.name))
                commands[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
    found: dict[int, str] = {}
    waiting = [pid]
    while waiting:
        for child in parents.get(waiting.pop(), []):
            if child in commands:
                found[child] = commands[child]
                waiting.append(child)
    return found


def roles(pid: int) -> dict[str, list[int]]:
    """The processes of a supervised arena by what they do."""
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
    arguments: list[str], *, url: str = "", environment: dict[str, str], log: Path, cores: Set[int] = frozenset()
) -> Iterator[subprocess.Popen[bytes]]:
    """A process of this project's Python, from when `url` answers until the block ends; on some cores only if named."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=os.environ | environment, stdout=output, stderr=output
        )
    keep_to(process.pid, cores)
    try:
        if url:
            wait_for(url, process, log)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def keep_to(pid: int, cores: Set[int]) -> None:
    """What it starts stays there too."""
    if cores:
        os.sched_setaffinity(pid, cores)


def wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    give_up_at = time.monotonic() + START_LIMIT_S
    while time.monotonic() < give_up_at:
        if process.poll() is not None:
            raise SystemExit(f"a process of the bench ended early; see {log}:\n{log.read_text()[-2000:]}")
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as page:
            if page.status == 200:
                return
        time.sleep(POLL_S)
    raise SystemExit(f"{url} does not answer; see {log}")
