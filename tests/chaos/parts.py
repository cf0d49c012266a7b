"""Processes that are struck down, and what starts each of them again: a keeper as containers have one, or ourselves."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from tests.chaos.plan import Blow, Fault

# A part that was asked to stop and does not is killed after this time, and that is a finding.
STOP_LIMIT_S = 20.0
AGAIN_AFTER_S = 0.5


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def tell(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def nothing() -> None:
    """What most parts need before they are killed."""


class Part:
    """One process. Strike it, then call `turn()` often until it is well again."""

    def __init__(self, name: str, *, forget: Callable[[], None] = nothing, freezes_with_children: bool = False) -> None:
        self.name = name
        self.fault: Fault | None = None
        self._forget = forget
        self._freezes_with_children = freezes_with_children
        self._ends_at = 0.0
        self._frozen: list[int] = []

    def pid(self) -> int | None:
        raise AssertionError("each kind of part knows its process")

    @property
    def is_well(self) -> bool:
        return self.fault is None and self.pid() is not None

    def strike(self, fault: Fault) -> None:
        """A part that is down already is left alone."""
        pid = self.pid()
        if self.fault is not None or pid is None:
            return
        self.fault, self._ends_at = fault, time.monotonic() + fault.lasts_s
        match fault.blow:
            case Blow.FREEZE:
                self._frozen = tree(pid) if self._freezes_with_children else [pid]
                tell(self._frozen, signal.SIGSTOP)
            case Blow.TERM:
                self.ask_to_stop(pid)
            case Blow.KILL:
                tell([pid], signal.SIGKILL)
            case Blow.FORGET:
                self._forget()
                tell([pid], signal.SIGKILL)

    def ask_to_stop(self, pid: int) -> None:
        tell([pid], signal.SIGTERM)

    def turn(self) -> list[str]:
        """Findings, if any."""
        if self.fault is not None and self.fault.blow == Blow.FREEZE and time.monotonic() > self._ends_at:
            tell(self._frozen, signal.SIGCONT)
            self.fault = None
        return []


class OwnPart(Part):
    """A process that we started, and start again."""

    def __init__(
        self,
        name: str,
        start: Callable[[], "subprocess.Popen[bytes]"],
        *,
        forget: Callable[[], None] = nothing,
        freezes_with_children: bool = False,
        may_fail_to_start: bool = False,
    ) -> None:
        super().__init__(name, forget=forget, freezes_with_children=freezes_with_children)
        self.process: subprocess.Popen[bytes] | None = None
        self._start = start
        self._started_at = 0.0
        self._may_fail_to_start = may_fail_to_start

    def pid(self) -> int | None:
        return self.process.pid if self.process is not None and self.process.poll() is None else None

    def start(self) -> None:
        self._started_at = time.monotonic()
        self.process = self._start()

    def turn(self) -> list[str]:
        findings = super().turn()
        if self.pid() is not None:
            return findings + self._overdue()
        if self.fault is None and not self._may_fail_to_start:
            assert self.process is not None
            findings.append(f"{self.name} ended by itself with status {self.process.returncode}")
        if time.monotonic() > max(self._ends_at, self._started_at + AGAIN_AFTER_S):
            self.fault = None
            self.start()
        return findings

    def stop(self) -> bool:
        """Ask it to end, and see to it. Did it go by itself?"""
        pid = self.pid()
        if self.process is None or pid is None:
            return True
        tell(tree(pid), signal.SIGCONT)
        self.ask_to_stop(pid)
        try:
            self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._kill()
            return False
        return True

    def _overdue(self) -> list[str]:
        is_stopping = self.fault is not None and self.fault.blow == Blow.TERM
        if not is_stopping or time.monotonic() < self._ends_at + STOP_LIMIT_S:
            return []
        self._kill()
        return [f"{self.name} does not stop within {STOP_LIMIT_S:g} s of SIGTERM"]

    def _kill(self) -> None:
        assert self.process is not None
        tell(tree(self.process.pid), signal.SIGKILL)
        self.process.wait()


class SupervisedPart(Part):
    """A process that the arena's own supervisor starts again. `find` gives its number, if it is there."""

    def __init__(self, name: str, find: Callable[[], int | None], *, forget: Callable[[], None] = nothing) -> None:
        super().__init__(name, forget=forget)
        self._find = find
        self._struck_pid: int | None = None

    def pid(self) -> int | None:
        return self._find()

    def strike(self, fault: Fault) -> None:
        self._struck_pid = self.pid()
        super().strike(fault)

    def turn(self) -> list[str]:
        findings = super().turn()
        if self.fault is not None and self.fault.blow != Blow.FREEZE and self.pid() not in (None, self._struck_pid):
            self.fault = None
        return findings
