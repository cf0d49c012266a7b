"""What is measured, and what measures it: a simulator, a bare relay and arenas, each in processes of its own."""

import json
import os
import urllib.request
from collections.abc import Callable, Iterator, Set
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests import postgres
from tests.bench.load import LOADS, Load
from tests.bench.processes import Cost, Costs, cost_of, descendants, free_port, keep_to, roles, running
from tests.bench.readers import Readings, read_in_this_process

LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"  # of a machine: where the other one reaches it
CATALOGUE = "catalogue.toml"


@dataclass(frozen=True)
class Options:
    """Where things run: on which cores, with which database, and what of it on another machine.

    `arena_at`: the control address of `tests.bench.host`. `load_at`: what that one is told of the simulator here.
    """

    arena_cores: Set[int] = frozenset()
    load_cores: Set[int] = frozenset()
    on_postgres: bool = False
    host: str = LOOPBACK
    simulator_port: int = 0
    arena_at: str = ""
    load_at: str = ""


@dataclass
class System:
    """What is read from, and what its processes have cost so far, by role."""

    kind: str
    address: str
    costs: Callable[[], Costs]
    is_elsewhere: bool = False


@dataclass(kw_only=True)
class Arena(System):
    """One that runs here: its supervisor, what was started beside it, and where its data lies."""

    kind: str = "arena"
    pid: int
    folder: Path
    environment: dict[str, str]
    extra_workers: list[int] = field(default_factory=list)
    postgres_pid: int = 0

    def pids(self) -> dict[str, list[int]]:
        by_role = roles(self.pid)
        by_role["worker"] += self.extra_workers
        if self.postgres_pid:
            by_role["postgres"] = [self.postgres_pid, *descendants(self.postgres_pid)]
        return by_role

    def cost_of_each(self, role: str) -> Costs:
        return {str(pid): cost_of([pid]) for pid in self.pids()[role]}

    @property
    def redis_url(self) -> str:
        return f"unix://{self.folder}/redis.sock"


class Rig:
    """Use it as a context: what it has started ends with the block."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.baselines: dict[int, list[dict[str, object]]] = {}  # what was measured without an arena, by battles
        self._stack = ExitStack()

    def __enter__(self) -> "Rig":
        with ExitStack() as stack:
            self.folder = Path(stack.enter_context(TemporaryDirectory(prefix="arena-bench-")))
            self.log = self.folder / "bench.log"
            if self.options.load_at:
                self.simulator = self.options.load_at
            else:
                self._start_simulator(stack)
            self.relay = self.elsewhere("relay") if self.options.arena_at else self._start_relay(stack)
            self.direct = System("direct", self.simulator, dict)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # --- The load --------------------------------------------------------------------------------------

    def _start_simulator(self, stack: ExitStack) -> None:
        port, lag_port = self.options.simulator_port or free_port(), free_port()
        self.simulator, self._lag_url = f"http://{LOOPBACK}:{port}", f"http://{LOOPBACK}:{lag_port}"
        command = ["-m", "tests.bench.simulator", self.options.host, str(port), str(lag_port)]
        self.simulator_pid = stack.enter_context(
            running(command, url=self._lag_url, environment={}, log=self.log, cores=self.options.load_cores)
        ).pid

    def simulator_cost(self) -> Cost:
        return cost_of([self.simulator_pid])

    def simulator_late_p99_s(self) -> float:
        """Since it was last asked for."""
        return float(_fetch(self._lag_url)["late_p99_s"])

    def stream_starts(self) -> dict[str, list[float]]:
        starts: dict[str, list[float]] = _fetch(f"{self.simulator}/simulator/starts")
        return starts

    def read(self, system: System, load: Load, battles: int, viewers: int = 1) -> Readings:
        """By a process of its own, so that its CPU time is told apart."""
        with ProcessPoolExecutor(
            1, mp_context=get_context("spawn"), initializer=partial(keep_to, 0, self.options.load_cores)
        ) as pool:
            return pool.submit(read_in_this_process, system.kind, system.address, load, battles, viewers).result()

    # --- What is measured ------------------------------------------------------------------------------

    def _start_relay(self, stack: ExitStack) -> System:
        port = free_port()
        address = f"http://{LOOPBACK}:{port}"
        command = ["-m", "tests.bench.bare_relay", self.options.host, str(port), self.simulator]
        process = stack.enter_context(
            running(command, url=f"{address}/ready", environment={}, log=self.log, cores=self.options.arena_cores)
        )
        return System("relay", address, lambda: {"web": cost_of([process.pid])})

    def elsewhere(self, kind: str) -> System:
        """A system that `tests.bench.host` runs on another machine."""
        control = self.options.arena_at

        def costs() -> Costs:
            told = _fetch(f"{control}/costs/{kind}")
            return {role: Cost(**figures) for role, figures in told.items()}

        return System(kind, str(_fetch(control)[kind]), costs, is_elsewhere=True)

    @contextmanager
    def arena(self, name: str, *, extra_catalogue: str = "") -> Iterator[Arena]:
        """A new one, with nothing in its database. It knows the contestants of all loads."""
        folder = self.folder / name
        folder.mkdir()
        (folder / CATALOGUE).write_text("".join(load.catalogue for load in LOADS) + extra_catalogue)
        with ExitStack() as stack:
            database_url, postgres_pid = os.environ.get("BENCH_DATABASE_URL", ""), 0
            if self.options.on_postgres:
                cluster = self._start_postgres(stack)
                database_url, postgres_pid = cluster.url, cluster.process.pid
            port = free_port()
            address = f"http://{LOOPBACK}:{port}"
            environment = self._environment(folder, port, database_url)
            process = stack.enter_context(
                running(
                    ["manage.py", "arena"],
                    url=f"{address}/readyz",
                    environment=environment,
                    log=self.log,
                    cores=self.options.arena_cores,
                )
            )
            arena = Arena(
                address=address,
                costs=dict,
                pid=process.pid,
                folder=folder,
                environment=environment,
                postgres_pid=postgres_pid,
            )
            arena.costs = lambda: {role: cost_of(pids) for role, pids in arena.pids().items()}
            yield arena

    def _start_postgres(self, stack: ExitStack) -> postgres.Cluster:
        programs = postgres.find_programs()
        if programs is None:
            raise SystemExit(f"PostgreSQL is not installed; {postgres.HOW_TO_GET_IT}")
        cluster = postgres.Cluster(programs)
        stack.callback(cluster.stop)
        cluster.start()
        keep_to(cluster.process.pid, self.options.arena_cores)
        return cluster

    def _environment(self, folder: Path, port: int, database_url: str) -> dict[str, str]:
        return {
            "ARENA_VAR": str(folder),
            "ARENA_CATALOGUE": str(folder / CATALOGUE),
            "ARENA_SIMULATED": "always",
            "SIMULATOR_URL": self.simulator,
            "DATABASE_URL": database_url,
            "REDIS_URL": "",
            "HOST": self.options.host,
            "ALLOWED_HOSTS": "*",
            "PORT": str(port),
            "LOG_LEVEL": "warning",
            "OLLAMA_HOST": f"http://{LOOPBACK}:9",
            "OPENAI_API_KEY": "",
            "ANTHROPIC_API_KEY": "",
            "ARENA_DAILY_BUDGET_USD": "",
            "ARENA_TEAM_DAILY_BUDGET_USD": "",
            "ARENA_VISITOR_DAILY_BUDGET_USD": "",
        }

    @contextmanager
    def another_worker(self, arena: Arena) -> Iterator[None]:
        command = ["manage.py", "arena", "worker"]
        with running(command, environment=arena.environment, log=self.log, cores=self.options.arena_cores) as process:
            arena.extra_workers.append(process.pid)
            try:
                yield
            finally:
                arena.extra_workers.remove(process.pid)


def _fetch(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return dict(json.load(answer))
