"""`make bench`: what the arena costs and how quick it is, beside a direct client and a bare relay in the same run.

Figures are meant as ratios: unless told otherwise, the arena, the simulated model servers and the readers share the
same cores. docs/benchmarks.md explains every row.
"""

import argparse
import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench import aims, idling, memory, pairing, recovery, scaling, starts, stops, streams
from tests.bench.rig import EVERYWHERE, LOOPBACK, Arena, Options, Rig, System
from tests.bench.rows import FOLDER, Row, keep, table, tell
from tests.contestants.servers import serving_aside


@dataclass(frozen=True)
class Part:
    """Something to measure; and what of its rows is shown."""

    title: str
    columns: Mapping[str, str]
    measure: Callable[["Bench"], list[Row]]
    group: str = ""


class Bench:
    """One run: the rig, what was asked for, and an arena that is started when it is first needed."""

    def __init__(self, options: argparse.Namespace, stack: ExitStack) -> None:
        self.options = options
        self.upstream = stops.Upstream()
        self._stack = stack
        self._arena: Arena | None = None
        self.rig = stack.enter_context(Rig(rig_options(options)))
        self._extra_catalogue = ""
        if "stops" in options.only:
            servers = stack.enter_context(serving_aside(self.upstream.answer))
            self._extra_catalogue = stops.catalogue(servers.url)

    @property
    def measured(self) -> System:
        """The arena, wherever it runs."""
        return self.rig.elsewhere("arena") if self.options.arena_at else self.arena

    @property
    def arena(self) -> Arena:
        if self._arena is None:
            self._arena = self._stack.enter_context(self.rig.arena("main", extra_catalogue=self._extra_catalogue))
        return self._arena


PARTS = {
    "memory": Part("Memory", memory.COLUMNS, lambda bench: memory.measure_memory(bench.rig)),
    "idle": Part(
        "Idle: open sockets on finished battles",
        idling.COLUMNS,
        lambda bench: idling.measure_idling(bench.rig, bench.options.sockets, bench.options.window),
    ),
    "stops": Part(
        "Stops: from the click until the model server is left",
        stops.COLUMNS,
        lambda bench: asyncio.run(stops.measure_stops(bench.arena.address, bench.upstream, bench.options.stops)),
    ),
    "starts": Part(
        "Starts: what a battle costs however short it is",
        starts.COLUMNS,
        lambda bench: starts.measure_starts(bench.rig, bench.measured, bench.options.starts),
    ),
    "streams": Part(
        "Streams: many battles at once",
        streams.COLUMNS,
        lambda bench: streams.measure_streams(bench.rig, bench.measured, bench.options.battles),
    ),
    "workers": Part(
        f"Scaling with workers: {scaling.WORKER_BATTLES} battles",
        scaling.WORKER_COLUMNS,
        lambda bench: scaling.measure_workers(bench.rig, bench.arena, bench.options.workers),
        group="scaling",
    ),
    "viewers": Part(
        "Scaling with viewers of each battle",
        scaling.VIEWER_COLUMNS,
        lambda bench: scaling.measure_viewers(bench.rig, bench.measured, bench.options.viewers),
        group="scaling",
    ),
    "recovery": Part(
        "Recovery: a part is killed in mid-stream (kill -9)",
        recovery.COLUMNS,
        lambda bench: recovery.measure_recovery(bench.arena, bench.options.killed, bench.options.rounds),
    ),
    "pairing": Part(
        "Pairing: ballots until the top three of ten are told apart",
        pairing.COLUMNS,
        lambda bench: pairing.measure_pairing(bench.options.seeds),
    ),
}
WITH_LOAD = ("starts", "streams", "workers", "viewers")
# What can be measured where the arena's processes cannot be touched.
FROM_ELSEWHERE = ("starts", "streams", "viewers", "pairing")


def main() -> None:
    options = parse()
    began_at = time.monotonic()
    with ExitStack() as stack:
        bench = Bench(options, stack)
        results = {name: _measure(bench, name) for name in PARTS if name in options.only}
    tell(report(results))
    for name, rows in results.items():
        tell(f"written to {keep(options.into, name, rows)}\n")
    tell(f"{time.monotonic() - began_at:.0f} s in all\n")


def _measure(bench: Bench, name: str) -> list[Row]:
    began_at = time.monotonic()
    tell(f"{name} … ")
    rows = PARTS[name].measure(bench)
    tell(f"{time.monotonic() - began_at:.0f} s\n")
    return rows


def report(results: Mapping[str, list[Row]]) -> str:
    tables = ["\n"]
    tables += [table(PARTS[name].title, rows, PARTS[name].columns) for name, rows in results.items()]
    loaded = [{"part": name} | row for name in WITH_LOAD for row in results.get(name, [])]
    if loaded:
        title = "The load itself: what it took of the same cores, and how late it was with what was due"
        tables.append(table(title, loaded, streams.LOAD_COLUMNS))
    if judged := aims.judge(results):
        tables.append(table("Aims", judged, aims.COLUMNS))
    return "\n".join(tables)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "--only",
        nargs="+",
        default=list(PARTS),
        choices=[*PARTS, "scaling"],
        help="parts; scaling: workers and viewers",
    )
    parser.add_argument("--starts", type=int, default=starts.BATTLES, help="battles that are over at once")
    parser.add_argument("--battles", type=int, nargs="+", default=streams.LEVELS, help="at once, for streams")
    parser.add_argument("--workers", type=int, nargs="+", default=scaling.WORKERS)
    parser.add_argument("--viewers", type=int, nargs="+", default=scaling.VIEWERS, help="of each battle")
    parser.add_argument("--sockets", type=int, default=idling.SOCKETS, help="that are idle")
    parser.add_argument("--window", type=float, default=idling.WINDOW_S, help="seconds for which they are looked at")
    parser.add_argument("--stops", type=int, default=stops.ROUNDS, help="battles to stop at each moment")
    parser.add_argument("--killed", nargs="+", default=recovery.PARTS, choices=recovery.PARTS, help="for recovery")
    parser.add_argument("--rounds", type=int, default=1, help="how often each of them is killed")
    parser.add_argument("--seeds", type=int, default=pairing.SEEDS, help="simulated arenas of each kind, for pairing")
    parser.add_argument("--postgres", action="store_true", help="with a PostgreSQL made for the run, instead of SQLite")
    parser.add_argument("--into", type=Path, default=FOLDER, help="folder for the JSON files (%(default)s)")
    parser.add_argument("--arena-cores", type=cores, default=frozenset(), metavar="0,1", help="keep the arena to these")
    parser.add_argument("--load-cores", type=cores, default=frozenset(), metavar="2,3", help="and the load to these")
    apart = parser.add_argument_group("run apart", "with the arena on another machine, see docs/benchmarks.md")
    apart.add_argument("--arena-at", default="", metavar="URL", help="what tests.bench.host says there")
    apart.add_argument("--simulator-port", type=int, default=0, help="which it was told there")
    options = parser.parse_args()
    options.only = chosen(options.only)
    if options.arena_at:
        options.only &= set(FROM_ELSEWHERE)
    return options


def rig_options(options: argparse.Namespace) -> Options:
    return Options(
        arena_cores=options.arena_cores,
        load_cores=options.load_cores,
        on_postgres=options.postgres,
        host=EVERYWHERE if options.arena_at else LOOPBACK,
        simulator_port=options.simulator_port,
        arena_at=options.arena_at.rstrip("/"),
    )


def chosen(names: Iterable[str]) -> set[str]:
    """The parts that these names stand for."""
    return {name for name, part in PARTS.items() if name in names or (part.group and part.group in names)}


def groups() -> set[str]:
    return {part.group for part in PARTS.values() if part.group}


def cores(text: str) -> frozenset[int]:
    return frozenset(int(number) for number in text.split(","))


if __name__ == "__main__":
    main()
