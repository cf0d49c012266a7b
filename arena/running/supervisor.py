"""Runs Redis, worker, beat and web as one: starts them in order, restarts what dies, stops them in order.

Asked to renew (SIGUSR1), it starts a second worker and a second web server, and lets the first ones go once these work.

It is single-threaded on purpose: children must be started by a thread that lives as long as we do (children.py), and
signals, deaths and log lines all arrive at one `select`.
"""

import math
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from arena.running import preparation, readiness
from arena.running.children import Guard, kill_group, spawn
from arena.running.processes import START_TOKEN
from arena.running.redis_server import EmbeddedRedis
from arena.running.tasks import OWN_QUEUE
from arena.running.watchdog import LOOK_EVERY_S, WorkerWatch, own_queue

READY_LIMIT_S = 90.0
# A process that lived this long had started well: its death says nothing about its next start.
LIVED_S = 20.0
BACK_OFF_S = 0.2
BACK_OFF_MAX_S = 5.0
QUICK_DEATHS_MAX = 5
# Ended by somebody else (the kernel too, where memory is short), or in good order after a signal. That says nothing
# about the next start, however often it happens.
ENDED_FROM_OUTSIDE = {0, *(-number for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP))}
# Of a worker: beyond the time in which what it plays may end.
STOP_LIMITS_S = {"web": 6.0, "beat": 3.0, "worker": 10.0, "redis": 5.0}
# Web first, so that nothing new comes in; Redis last, since all others write to it until their end.
STOP_ORDER = (("web", "beat"), ("worker",), ("redis",))
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
RENEW_SIGNAL = signal.SIGUSR1
# Those that can run twice for a while. Redis stays; beat is restarted.
RENEWED = ("worker", "web")
POLL_S = 0.1
PARENT_CHECK_S = 0.5
COLOURS = {"web": 36, "worker": 32, "beat": 35, "redis": 33}


class Child:
    """One process, and what is known of its deaths."""

    def __init__(
        self, name: str, start: Callable[[], subprocess.Popen[bytes]], write_line: Callable[[str, str], None]
    ) -> None:
        self.name = name
        self.process: subprocess.Popen[bytes] | None = None
        self.restart_at = 0.0
        self.quick_deaths = 0  # by its own doing
        self._deaths_in_a_row = 0
        self.kill_at = math.inf  # once it is to end
        self._start = start
        self._write_line = write_line
        self._started_at = 0.0
        self._rest = b""

    def start(self) -> subprocess.Popen[bytes]:
        self._started_at = time.monotonic()
        self._rest = b""
        self.kill_at = math.inf
        self.process = self._start()
        return self.process

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def age_s(self) -> float:
        return time.monotonic() - self._started_at

    @property
    def is_to_end(self) -> bool:
        return self.kill_at < math.inf

    def ask_to_end(self) -> None:
        """Asked a second time, it hurries."""
        if self.process is not None:
            self.kill_at = min(self.kill_at, time.monotonic() + stop_limit_s(self.name))
            self.process.terminate()

    def kill_if_overdue(self) -> None:
        if self.process is not None and time.monotonic() > self.kill_at:
            kill_group(self.process, signal.SIGKILL)

    def bury(self) -> int:
        """Take note of a death; its exit status. Decides when to start it again."""
        assert self.process is not None
        status, self.process = self.process.wait(), None
        if self.age_s > LIVED_S:
            self.quick_deaths = self._deaths_in_a_row = 0
        self._deaths_in_a_row += 1
        if status not in ENDED_FROM_OUTSIDE:
            self.quick_deaths += 1
        self.restart_at = time.monotonic() + min(BACK_OFF_S * 2 ** (self._deaths_in_a_row - 1), BACK_OFF_MAX_S)
        return status

    def copy_log(self) -> bool:
        """Write the lines that have arrived; False when there will be no more."""
        assert self.process is not None and self.process.stdout is not None
        data = os.read(self.process.stdout.fileno(), 65536)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if not data and self._rest:
            lines = [self._rest]
        for line in lines:
            self._write_line(self.name, line.decode(errors="replace"))
        return bool(data)


class Supervisor:
    """`run()` returns when all was stopped by a signal, and raises ImproperlyConfigured when it can't go on."""

    def __init__(self, *, stops_with_parent: bool = False) -> None:
        self.children: dict[str, Child] = {}
        self.stop_requests = 0
        self.renew_requests = 0
        self.watch = WorkerWatch(own_queue())
        self.parent = os.getppid() if stops_with_parent else None
        self._successors: dict[str, tuple[Child, Callable[[], bool]]] = {}  # and whether they work
        self._leaving: list[Child] = []
        self._selector = selectors.DefaultSelector()
        self._is_stopping = False
        self._has_colour = sys.stdout.isatty()

    # --- From start to end -----------------------------------------------------------------------------

    def run(self) -> None:
        with self._signals(), preparation.hold_var(), preparation.listen() as listener:
            self._guard = Guard()
            try:
                self._start_all(listener)
                self.watch.begin()
                while not self.stop_requests:
                    self._turn(PARENT_CHECK_S if self.parent else LOOK_EVERY_S)
                    self._end_hung_worker()
                    self._renew_if_asked()
            except Interrupted:
                pass
            finally:
                listener.close()
                self._stop_all()
                self._guard.dismiss()

    def _start_all(self, listener: socket.socket) -> None:
        if settings.REDIS_IS_EMBEDDED:
            self._start_redis()
        else:
            preparation.check_redis()
        preparation.prepare()
        preparation.close_database()
        self._leave_if_asked()
        self._listener = listener
        for name in ("worker", "beat", "web"):
            self.children[name] = self._made(name)
            self._start(self.children[name])
        self._wait_for("the worker", readiness.FirstTask())
        self._wait_for("the web server", readiness.FirstPage())
        self._say(f"Reasoning Arena is ready: {readiness.shown_address()}")

    def _start_redis(self) -> None:
        server = EmbeddedRedis()
        server.make_room()
        start = partial(spawn, server.command(), dies_with_us_by=signal.SIGTERM, stdout=subprocess.PIPE)
        child = self.children["redis"] = Child("redis", start, self._write_line)
        self._start(child)
        server.wait_until_it_answers(is_alive=lambda: child.is_alive and not self.stop_requests)

    def _made(self, name: str, token: str = "") -> Child:
        """A part of the arena, not started. With a token it shows when it works."""
        fds = [self._listener.fileno()] if name == "web" else []
        arguments = [name, *(f"--fd={fd}" for fd in fds)]
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "arena", *arguments]
        env = os.environ | {"PYTHONUNBUFFERED": "1", START_TOKEN: token, OWN_QUEUE: own_queue()}
        return Child(name, partial(spawn, command, env=env, pass_fds=fds, stdout=subprocess.PIPE), self._write_line)

    def _wait_for(self, what: str, is_there: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_LIMIT_S
        while not is_there():
            self._turn(POLL_S)
            self._leave_if_asked()
            if time.monotonic() > deadline:
                raise ImproperlyConfigured(f"{what} is not ready after {READY_LIMIT_S:g} s.")

    def _leave_if_asked(self) -> None:
        if self.stop_requests:
            raise Interrupted

    # --- One turn of the loop --------------------------------------------------------------------------

    def _turn(self, timeout: float | None) -> None:
        """Copy what was logged, note deaths, restart what is due. Returns at the first news, or after `timeout`."""
        if not self._is_stopping:
            due = [child.restart_at - time.monotonic() for child in self.children.values() if child.process is None]
            timeout = min([*due, timeout or 60.0, *(POLL_S for _ in self._successors)])
        for key, _ in self._selector.select(max(0.0, timeout or 0.0)):
            if not key.data():
                self._selector.unregister(key.fileobj)
        if self.parent and parent_has_left(self.parent):
            self.stop_requests += 1
        self._guard.revive()
        for child in self._everybody():
            child.kill_if_overdue()
            if child.process is not None and not child.is_alive:
                self._bury(child)
        for child in self.children.values():
            if child.process is None and not self._is_stopping and time.monotonic() >= child.restart_at:
                self._start(child)
                self._say(f"{child.name} starts again")

    def _everybody(self) -> list[Child]:
        return [*self.children.values(), *(child for child, _ in self._successors.values()), *self._leaving]

    def _renew_if_asked(self) -> None:
        if self.renew_requests and not self._successors:
            self._say("worker and web start anew, beside those that run")
            for name in RENEWED:
                token = uuid.uuid4().hex
                self._successors[name] = successor, _ = self._made(name, token), partial(readiness.has_shown, token)
                self._start(successor)
        self.renew_requests = 0
        for name, (successor, works) in list(self._successors.items()):
            if works():
                self._let_follow(name, successor)
            elif successor.age_s > READY_LIMIT_S and not successor.is_to_end:
                self._say(f"the new {name} does not work after {READY_LIMIT_S:g} s")
                successor.ask_to_end()

    def _let_follow(self, name: str, successor: Child) -> None:
        """The new one works: the old one may go, once it is done with what it is at."""
        former, self.children[name] = self.children[name], successor
        del self._successors[name]
        self._say(f"the new {name} works")
        self._leaving.append(former)
        former.ask_to_end()
        if not self._successors:
            self.watch.begin()
            self.children["beat"].ask_to_end()  # it is started again like any other that has ended

    def _end_hung_worker(self) -> None:
        """It is started again like any other that has ended."""
        worker = self.children["worker"].process
        if worker is not None and self.watch.is_hung():
            self._say("worker is alive, but takes no tasks")
            kill_group(worker, signal.SIGKILL)
            self.watch.begin()

    def _start(self, child: Child) -> None:
        process = child.start()
        self._guard.watch(process.pid)
        if process.stdout is not None:
            self._selector.register(process.stdout, selectors.EVENT_READ, child.copy_log)

    def _bury(self, child: Child) -> None:
        process = child.process
        assert process is not None and process.stdout is not None
        kill_group(process, signal.SIGKILL)  # what it may have started
        self._copy_last_words(child, process.stdout)
        self._guard.forget(process.pid)
        status = child.bury()
        if self._is_stopping:
            return
        if child in self._leaving:
            self._leaving.remove(child)
            self._say(f"the former {child.name} has ended ({how_it_ended(status)})")
            return
        if child is self._successors.get(child.name, (None,))[0]:
            del self._successors[child.name]
            self._say(f"the new {child.name} has ended ({how_it_ended(status)}): the former one goes on")
            return
        self._say(f"{child.name} has ended ({how_it_ended(status)})")
        if child.quick_deaths >= QUICK_DEATHS_MAX:
            raise ImproperlyConfigured(
                f"{child.name} ended {QUICK_DEATHS_MAX} times in a row soon after its start "
                f"(at last: {how_it_ended(status)}); its last lines above say why."
            )

    def _copy_last_words(self, child: Child, stdout: object) -> None:
        assert child.process is not None and child.process.stdout is not None
        if child.process.stdout in self._selector.get_map():
            os.set_blocking(child.process.stdout.fileno(), False)
            try:
                while child.copy_log():
                    continue
            except BlockingIOError:
                pass
            self._selector.unregister(child.process.stdout)
        child.process.stdout.close()

    # --- The end ---------------------------------------------------------------------------------------

    def _stop_all(self) -> None:
        self._is_stopping = True
        asked, requests = self.stop_requests, self.stop_requests
        for names in STOP_ORDER:
            children = [child for child in self._everybody() if child.name in names]
            for child in children:
                if child not in self._leaving:  # it would hurry
                    child.ask_to_end()
            while any(child.process is not None for child in children):
                if self.stop_requests > requests:  # the second time they hurry, the third they are killed
                    requests = self.stop_requests
                    for child in children:
                        child.kill_at = 0.0 if requests > asked + 1 else child.kill_at
                        child.ask_to_end()
                self._turn(POLL_S)

    # --- Signals and words -----------------------------------------------------------------------------

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Have every signal wake the loop's `select`."""
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        self._selector.register(reader, selectors.EVENT_READ, lambda: bool(reader.recv(4096)))
        numbers = (*STOP_SIGNALS, RENEW_SIGNAL, signal.SIGCHLD)
        before = {number: signal.signal(number, self._note_signal) for number in numbers}
        fd_before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(fd_before)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._selector.close()
            reader.close()
            writer.close()

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        if number in STOP_SIGNALS:
            self.stop_requests += 1
        if number == RENEW_SIGNAL:
            self.renew_requests += 1

    def _say(self, line: str) -> None:
        write(f"{line}\n")

    def _write_line(self, name: str, line: str) -> None:
        label = f"{name:<6} |"
        write(f"\x1b[{COLOURS[name]}m{label}\x1b[0m {line}\n" if self._has_colour else f"{label} {line}\n")


class Interrupted(Exception):  # not an error: somebody asked us to stop
    """A stop signal came while the arena was starting."""


def write(line: str) -> None:
    """To standard output, for as long as anybody reads it: a closed terminal must not disturb an orderly stop."""
    try:
        sys.stdout.write(line)
        sys.stdout.flush()
    except OSError:
        return


def stop_limit_s(name: str) -> float:
    return STOP_LIMITS_S[name] + (settings.ARENA_STOP_GRACE_S if name == "worker" else 0.0)


def how_it_ended(status: int) -> str:
    return f"exit status {status}" if status >= 0 else signal.Signals(-status).name


def parent_has_left(parent: int) -> bool:
    """Has `make`, which started us, ended or been told to?

    On SIGHUP or SIGINT to it alone `make` waits for its children without telling them. In that state it blocks the
    signal that it is handling, which Linux shows.
    """
    if os.getppid() != parent:
        return True
    try:
        with open(f"/proc/{parent}/status") as status:
            blocked = next((line for line in status if line.startswith("SigBlk:")), "SigBlk: 0")
    except OSError:
        return False
    mask = int(blocked.split()[1], 16)
    return any(mask >> (number - 1) & 1 for number in STOP_SIGNALS)
