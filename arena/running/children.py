"""Processes of our own: each in a session of its own, and none that outlives us, however we end.

Two nets hold them. On Linux the kernel signals each child when we die (PR_SET_PDEATHSIG). Everywhere a small guard
process (`guard.py`) reads a pipe that only we can write: when it closes, the guard ends what was left.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

GUARD = Path(__file__).with_name("guard.py")
PR_SET_PDEATHSIG = 1


def _prctl() -> Callable[[int, int], int] | None:
    if sys.platform != "linux":
        return None
    return ctypes.CDLL(None).prctl


# Looked up before any fork: between fork and exec nothing may be imported or loaded.
PRCTL = _prctl()


def spawn(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    dies_with_us_by: signal.Signals = signal.SIGKILL,
    stdin: int = subprocess.DEVNULL,
    stdout: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process that dies with the calling *thread*: call this from the main thread only.

    What it writes, errors included, goes to `stdout`.
    """
    us = os.getpid()

    def die_with_parent() -> None:
        if PRCTL is not None:
            PRCTL(PR_SET_PDEATHSIG, dies_with_us_by)
            if os.getppid() != us:  # we died before the line above took hold
                os._exit(1)

    return subprocess.Popen(
        command,
        env=env,
        pass_fds=pass_fds,
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.STDOUT if stdout is not None else None,
        start_new_session=True,
        preexec_fn=die_with_parent,
    )


def kill_group(process: subprocess.Popen[bytes], signal_number: signal.Signals) -> None:
    """Signal a child and whatever it has started."""
    try:
        os.killpg(process.pid, signal_number)
    except ProcessLookupError:
        return
    except PermissionError:  # macOS: the group's leader is dead, not yet waited for
        return


class Guard:
    """The process that outlives us by a moment to end our children."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.pids: set[int] = set()
        self._start()

    def _start(self) -> None:
        # Isolated and without site: it starts in milliseconds and needs nothing but the standard library.
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARD)], stdin=subprocess.PIPE, bufsize=0, start_new_session=True
        )
        self._tell("".join(f"+{pid}\n" for pid in self.pids))

    def watch(self, pid: int) -> None:
        self.pids.add(pid)
        self._tell(f"+{pid}\n")

    def forget(self, pid: int) -> None:
        """Call it once the process has been waited for: its number may be given to another."""
        self.pids.discard(pid)
        self._tell(f"-{pid}\n")

    def revive(self) -> None:
        """Start another guard when somebody has killed it."""
        if self.process is not None and self.process.poll() is not None:
            self._let_go()
            self._start()

    def dismiss(self) -> None:
        """Let it go; it ends what it still watches, if anything."""
        self._let_go()

    def _let_go(self) -> None:
        if self.process is None or self.process.stdin is None:
            return
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.process = None

    def _tell(self, line: str) -> None:
        if self.process is None or self.process.stdin is None:
            return
        with suppress(BrokenPipeError):  # it is dead: revive() starts another, which is told everything
            self.process.stdin.write(line.encode())
