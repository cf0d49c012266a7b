"""Starting the whole arena as a user does, watching what it prints, and finding every process that it has left."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Thread

from django.conf import settings

READY = re.compile(r"^Reasoning Arena is ready: (http://\S+/)$", re.MULTILINE)
LIMIT_S = 180.0
POLL_S = 0.05
MARK = "ARENA_TEST_RUN"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class ArenaRun:
    """One `manage.py arena` on a folder of its own. Its processes are known by a mark in their environment."""

    def __init__(self, var: Path, *, port: int | None = None, command: Sequence[str] = (), **environment: str) -> None:
        self.var = var
        self.port = port or free_port()
        self.mark = uuid.uuid4().hex
        self.output = ""
        self.command = [*(command or (sys.executable, "manage.py", "arena"))]
        self.environment = self._environment(environment)

    def _environment(self, extra: dict[str, str]) -> dict[str, str]:
        own = {MARK: self.mark, "ARENA_VAR": str(self.var), "HOST": "127.0.0.1", "PORT": str(self.port)}
        return {**os.environ, "DATABASE_URL": "", "PYTHONUNBUFFERED": "1", **own, **extra}

    def __enter__(self) -> "ArenaRun":
        self.process = subprocess.Popen(
            self.command,
            cwd=settings.BASE_DIR,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *error: object) -> None:
        for pid in {self.process.pid, *self.pids()}:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()
        self._reader.join(LIMIT_S)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stdout:
            for line in stdout:
                self.output += line.decode(errors="replace")

    def until_ready(self) -> str:
        """Its address, as printed."""
        self.until(lambda: READY.search(self.output) or self.process.poll() is not None)
        found = READY.search(self.output)
        assert found, f"never ready:\n{self.output}"
        return found[1]

    def until_ended(self) -> int:
        status = self.process.wait(LIMIT_S)
        self._reader.join(LIMIT_S)
        return status

    def until_nothing_is_left(self) -> None:
        self.until(lambda: not self.pids())

    def until_said(self, words: str, times: int = 1) -> None:
        self.until(lambda: self.output.count(words) >= times)

    def pids(self) -> list[int]:
        return [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if self._is_ours(folder)]

    def pid_of(self, part: str) -> int:
        """The process that runs a part: web, worker, beat, redis or guard. Waits for one that is just starting."""
        wanted = {"redis": str(self.var / "redis.sock"), "guard": "guard.py"}.get(part, f"arena\0{part}")
        found: list[int] = []

        def is_there() -> bool:
            found[:] = [pid for pid in self.pids() if wanted in read(Path(f"/proc/{pid}/cmdline"))]
            return len(found) == 1

        self.until(is_there)
        return found[0]

    def _is_ours(self, folder: Path) -> bool:
        # Redis writes over its environment, but its title names the socket.
        return (
            self.mark in read(folder / "environ") or f"{self.var}/redis.sock" in read(folder / "cmdline")
        ) and ") Z " not in read(folder / "stat")

    def until(self, is_so: Callable[[], object]) -> None:
        deadline = time.monotonic() + LIMIT_S
        while not is_so():
            assert time.monotonic() < deadline, f"still waiting:\n{self.output}"
            time.sleep(POLL_S)


def read(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""


def copy_of(prepared: Path, folder: Path) -> Path:
    """A `var/` that has been prepared before, so that a start takes seconds."""
    shutil.copytree(prepared, folder)
    return folder
