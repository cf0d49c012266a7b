"""The two kinds of arena that are put on trial: several processes of each kind on PostgreSQL, and `manage.py arena`."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from arena.running.children import spawn
from arena.running.redis_server import HAS_APPEND_ONLY_DIRECTORY, find_server
from tests import postgres
from tests.bench.processes import ROOT, free_port
from tests.chaos.parts import OwnPart, Part, SupervisedPart, tell
from tests.chaos.plan import Blow, Blows, Fault, catalogue
from tests.running.arena_runs import MARK, ArenaRun, copy_of

START_LIMIT_S = 120.0
POLL_S = 0.05
# Never waits for a disk, but what was committed has left the process: kill -9 loses nothing, as with a real one.
DURABLE = {**postgres.FAST, "synchronous_commit": "on", "full_page_writes": "on"}
PROCESS_BLOWS = {Blow.KILL: 3.0, Blow.TERM: 2.0, Blow.FREEZE: 2.0}


class Arena:
    """What a trial needs of either kind. Its processes are started by the thread that calls, which must live on."""

    kind = ""
    blows: Blows = {}

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = uuid.uuid4().hex
        self.addresses: list[str] = []
        self.parts: dict[str, Part] = {}
        self.simulator_url = f"http://127.0.0.1:{free_port()}"
        (folder / "catalogue.toml").write_text(catalogue())
        self._simulator: OwnPart | None = None

    def environment(self) -> dict[str, str]:
        return {
            "ARENA_VAR": str(self.folder / "var"),
            "ARENA_CATALOGUE": str(self.folder / "catalogue.toml"),
            "ARENA_SIMULATED": "always",
            "ARENA_ADDRESS_BALLOTS_PER_MINUTE": "0",  # all vote from this machine, and again until they are answered
            "SIMULATOR_URL": self.simulator_url,
            "PYTHONUNBUFFERED": "1",
            MARK: self.mark,
        }

    def start(self) -> None:
        self._simulator = OwnPart(
            "simulator", self._command("simulate", "--port", self.simulator_url.split(":")[-1], log="simulator")
        )
        self._simulator.start()
        wait_until(lambda: answers(f"{self.simulator_url}/simulator/state"), "the simulator")

    def stop(self) -> list[str]:
        """Everything, in order. Findings: what did not go by itself, and what was left."""
        if self._simulator is not None:
            self._simulator.stop()
        return [f"a process was left: {line}" for line in self.leftovers()]

    def strike(self, fault: Fault) -> None:
        self.parts[fault.part].strike(fault)

    def turn(self) -> list[str]:
        return [finding for part in self.parts.values() for finding in part.turn()]

    @property
    def is_well(self) -> bool:
        return all(part.is_well for part in self.parts.values())

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        raise AssertionError("each kind knows its database")

    def leftovers(self) -> list[str]:
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if self.mark.encode() in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        return [line for line in found if line]

    def log(self) -> str:
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def _command(
        self, *arguments: str, pass_fds: Sequence[int] = (), log: str = "", **extra: str
    ) -> Callable[[], "subprocess.Popen[bytes]"]:
        def start() -> "subprocess.Popen[bytes]":
            with (self.folder / f"{log or arguments[-1]}.log").open("ab") as output:
                return spawn(
                    [sys.executable, str(ROOT / "manage.py"), *arguments],
                    env=os.environ | self.environment() | extra,
                    pass_fds=pass_fds,
                    stdout=output.fileno(),
                )

        return start


class PostgresPart(OwnPart):
    """SIGTERM has it wait for all who are connected; whoever asks it to stop says so more plainly a moment later."""

    def ask_to_stop(self, pid: int) -> None:
        super().ask_to_stop(pid)
        self._insist_at = time.monotonic() + 1.0

    def turn(self) -> list[str]:
        if self.fault is not None and self.fault.blow == Blow.TERM and time.monotonic() > self._insist_at:
            self._insist()
        return super().turn()

    def stop(self) -> bool:
        self._insist()
        return super().stop()

    def _insist(self) -> None:
        if (pid := self.pid()) is not None:
            tell([pid], postgres.FAST_STOP)


class ClusterArena(Arena):
    """Two web processes and two workers, beat, PostgreSQL and Redis, all over TCP."""

    kind = "cluster"
    blows = {
        "worker-1": PROCESS_BLOWS,
        "worker-2": PROCESS_BLOWS,
        "web-1": PROCESS_BLOWS,
        "web-2": PROCESS_BLOWS,
        "redis": {**PROCESS_BLOWS, Blow.FORGET: 3.0},
        "postgres": PROCESS_BLOWS,
        "beat": PROCESS_BLOWS,
    }

    def __init__(self, folder: Path, prepared: Path) -> None:
        super().__init__(folder)
        copy_of(prepared, folder / "var")
        programs = postgres.find_programs()
        assert programs is not None, postgres.HOW_TO_GET_IT
        self.postgres = postgres.Cluster(programs, DURABLE)
        self.redis_port = free_port()
        self._listeners = [socket.create_server(("127.0.0.1", 0), backlog=2048) for _ in range(2)]
        self.addresses = [f"http://127.0.0.1:{listener.getsockname()[1]}" for listener in self._listeners]

    def environment(self) -> dict[str, str]:
        urls = {"DATABASE_URL": self.postgres.url, "REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0"}
        return super().environment() | urls

    def start(self) -> None:
        super().start()
        self.postgres.make()
        parts = [
            PostgresPart("postgres", self.postgres.launch, freezes_with_children=True, may_fail_to_start=True),
            OwnPart("redis", self._start_redis, forget=self._forget),
            OwnPart("beat", self._command("arena", "beat")),
            *(OwnPart(f"worker-{n}", self._command("arena", "worker", log=f"worker-{n}")) for n in (1, 2)),
            *(
                OwnPart(
                    f"web-{n}",
                    self._command("arena", "web", "--fd", str(fd), pass_fds=[fd], log=f"web-{n}"),
                )
                for n, fd in enumerate((listener.fileno() for listener in self._listeners), start=1)
            ),
        ]
        self.parts = {part.name: part for part in parts}
        for part in parts[:2]:
            part.start()
        self.postgres.wait_until_it_answers()
        subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), "arena", "prepare"],
            env=os.environ | self.environment(),
            check=True,
        )
        for part in parts[2:]:
            part.start()
        for address in self.addresses:
            wait_until(lambda address=address: answers(f"{address}/readyz"), address)  # type: ignore[misc]

    def stop(self) -> list[str]:
        order = ("web-1", "web-2", "beat", "worker-1", "worker-2", "redis", "postgres")
        parts = [part for name in order if isinstance(part := self.parts.get(name), OwnPart)]
        findings = [f"{part.name} does not stop when asked to" for part in parts if not part.stop()]
        for listener in self._listeners:
            listener.close()
        findings += super().stop()
        self.postgres.stop()
        return findings

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.postgres.url, connect_timeout=5) as connection:
            return connection.execute(sql.encode()).fetchall()

    def _start_redis(self) -> "subprocess.Popen[bytes]":
        binary, version = find_server()
        folder = self.folder / "redis"
        folder.mkdir(exist_ok=True)
        options = ["--port", str(self.redis_port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        options += ["--appendonly", "yes", "--logfile", str(self.folder / "redis.log"), "--loglevel", "warning"]
        if version >= HAS_APPEND_ONLY_DIRECTORY:
            options += ["--appenddirname", "kept"]
        return spawn([binary, *options], env=os.environ | {MARK: self.mark})

    def _forget(self) -> None:
        shutil.rmtree(self.folder / "redis")


class LockedDatabase(Part):
    """SQLite has no process; somebody who holds it for a while is what comes nearest to its being away."""

    def __init__(self, path: Path) -> None:
        super().__init__("database")
        self._path = path
        self._holder: sqlite3.Connection | None = None

    @property
    def is_well(self) -> bool:
        return self.fault is None

    def strike(self, fault: Fault) -> None:
        if self.fault is not None:
            return
        self._holder = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        self._holder.execute("BEGIN EXCLUSIVE")
        self.fault, self._ends_at = fault, time.monotonic() + fault.lasts_s

    def turn(self) -> list[str]:
        if self._holder is not None and time.monotonic() > self._ends_at:
            self._holder.close()
            self.fault = self._holder = None
        return []


class LaptopArena(Arena):
    """`manage.py arena`: SQLite and an embedded Redis, one of each process, looked after by the supervisor."""

    kind = "laptop"
    blows = {
        "worker": PROCESS_BLOWS,
        "web": PROCESS_BLOWS,
        "redis": {**PROCESS_BLOWS, Blow.FORGET: 3.0},
        "beat": PROCESS_BLOWS,
        "database": {Blow.FREEZE: 1.0},
        "supervisor": PROCESS_BLOWS,
    }

    def __init__(self, folder: Path, prepared: Path) -> None:
        super().__init__(folder)
        copy_of(prepared, folder / "var")
        self.run = ArenaRun(folder / "var")
        self.run.environment |= {"DATABASE_URL": "", "REDIS_URL": "", **self.environment()}
        self.run.mark = self.mark
        self.addresses = [f"http://127.0.0.1:{self.run.port}"]

    def start(self) -> None:
        super().start()
        supervisor = OwnPart("supervisor", self._start_supervisor)
        supervised = [SupervisedPart(name, self._finder(name)) for name in ("worker", "web", "beat")]
        redis = SupervisedPart("redis", self._finder("redis"), forget=self._forget)
        parts: list[Part] = [supervisor, *supervised, redis, LockedDatabase(self.folder / "var" / "arena.sqlite3")]
        self.parts = {part.name: part for part in parts}
        supervisor.start()
        wait_until(lambda: answers(f"{self.addresses[0]}/readyz"), "the arena")

    def stop(self) -> list[str]:
        supervisor = self.parts.get("supervisor")
        is_stuck = isinstance(supervisor, OwnPart) and not supervisor.stop()
        return (["the supervisor does not stop when asked to"] if is_stuck else []) + super().stop()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.folder / "var" / "arena.sqlite3", timeout=30)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def _start_supervisor(self) -> "subprocess.Popen[bytes]":
        with (self.folder / "arena.log").open("ab") as output:
            return spawn(self.run.command, env=self.run.environment, stdout=output.fileno())

    def _finder(self, name: str) -> Callable[[], int | None]:
        wanted = str(self.folder / "var" / "redis.sock") if name == "redis" else f"arena\0{name}"
        known: list[int] = []

        def find() -> int | None:
            if not (known and is_running(known[0], wanted)):
                known[:] = [pid for pid in self.run.pids() if is_running(pid, wanted)]
            return known[0] if known else None

        return find

    def _forget(self) -> None:
        var = self.folder / "var"
        shutil.rmtree(var / "redis", ignore_errors=True)
        (var / "appendonly.aof").unlink(missing_ok=True)


def is_running(pid: int, command: str) -> bool:
    with suppress(OSError):
        return command in Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    return False


def answers(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(url, timeout=5) as page:
        return bool(page.status == 200)
    return False


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while not is_so():
        assert time.monotonic() < deadline, f"{what} does not answer"
        time.sleep(POLL_S)


KINDS: dict[str, type[ClusterArena] | type[LaptopArena]] = {"cluster": ClusterArena, "laptop": LaptopArena}
