"""`make bench`: streams through the whole arena, against a direct client and a bare relay in the same run; and stops.

Figures are meant as ratios: the machine, the simulator and the readers share the same cores. Every figure of
lateness counts from the moment the simulator's own schedule has a token leave.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench.load import MODEL, RATE, STREAMS, TOKENS, percentile
from tests.bench.processes import ROOT, cpu_s, free_port, roles, rss_mb, running
from tests.bench.readers import Reading, read_all
from tests.bench.stops import LIMIT_MS, ROUNDS, Upstream, catalogue, measure_stops
from tests.contestants.servers import serving_aside

Row = dict[str, object]
LEVELS = (1, 10, 50, 100, 200)

CATALOGUE = "".join(
    f"""
[[contestant]]
slug = "load-{number}"
name = "Load {number}"
provider = "openai"
model = "{MODEL}"
simulated = true
"""
    for number in range(STREAMS)
)


@dataclass
class System:
    """What is read from, and the processes that it costs."""

    kind: str
    address: str
    processes: Callable[[], dict[str, list[int]]]


def measure(system: System, battles: int, simulator: str, simulator_pid: int) -> Row:
    by_role = system.processes()
    before = {role: cpu_s(pids) for role, pids in by_role.items()}
    own_before, simulator_before = time.process_time(), cpu_s([simulator_pid])
    with ProcessPoolExecutor(1) as pool:  # a reader of its own, so that its CPU time is told apart
        readings, reader_cpu_s = pool.submit(_read, system.kind, system.address, battles).result()
    kilotokens = battles * STREAMS * TOKENS / 1000
    spent = {role: cpu_s(pids) - before[role] for role, pids in by_role.items()}
    starts = stream_starts(simulator)
    return {
        "system": system.kind,
        "battles": battles,
        **lateness(readings, starts),
        "lost_or_doubled": sum(stream.lost_or_doubled for reading in readings for stream in reading.streams.values())
        + TOKENS * sum(STREAMS - len(reading.streams) for reading in readings),
        "bytes_per_token": round(sum(reading.bytes for reading in readings) / kilotokens / 1000, 1),
        "cpu_s_per_1000_tokens": round(sum(spent.values()) / kilotokens, 4),
        **{f"{role}_cpu_s_per_1000_tokens": round(value / kilotokens, 4) for role, value in spent.items()},
        "simulator_cpu_s_per_1000_tokens": round((cpu_s([simulator_pid]) - simulator_before) / kilotokens, 4),
        "reader_cpu_s_per_1000_tokens": round((reader_cpu_s + time.process_time() - own_before) / kilotokens, 4),
        **{f"{role}_rss_mb": round(rss_mb(pids), 1) for role, pids in by_role.items()},
    }


def _read(kind: str, address: str, battles: int) -> tuple[list[Reading], float]:
    return asyncio.run(read_all(kind, address, battles)), time.process_time()


def stream_starts(simulator: str) -> dict[str, list[float]]:
    with urllib.request.urlopen(f"{simulator}/simulator/starts", timeout=10) as answer:
        starts: dict[str, list[float]] = json.load(answer)
    return starts


def lateness(readings: list[Reading], starts: dict[str, list[float]]) -> Row:
    """Token latency from the simulator's schedule, and the time to first token from asking."""
    latencies: list[float] = []
    first: list[float] = []
    for reading in readings:
        for stream in reading.streams.values():
            begun = [start for start in starts[stream.key] if start > reading.asked_at]
            late = stream.latencies(min(begun))
            latencies += late
            first += late[:1]
    total = [reading.first_text_at - reading.asked_at for reading in readings]
    return {
        "first_token_p50_ms": _ms(percentile(total, 50)),
        "first_token_p99_ms": _ms(percentile(total, 99)),
        "first_token_relayed_p50_ms": _ms(percentile(first, 50)),
        "token_latency_p50_ms": _ms(percentile(latencies, 50)),
        "token_latency_p99_ms": _ms(percentile(latencies, 99)),
    }


def add_ratios(rows: list[Row]) -> None:
    """Beside each row of the arena: what it adds to the direct client of the same run."""
    direct = {row["battles"]: row for row in rows if row["system"] == "direct"}
    for row in rows:
        other = direct.get(row["battles"])
        if row["system"] != "direct" and other:
            for figure in ("first_token_p50_ms", "first_token_p99_ms", "token_latency_p50_ms", "token_latency_p99_ms"):
                row[f"added_{figure}"] = round(float(str(row[figure])) - float(str(other[figure])), 1)


STREAM_COLUMNS = {
    "system": "system",
    "battles": "battles",
    "added_first_token_p50_ms": "+first p50 ms",
    "added_first_token_p99_ms": "+first p99 ms",
    "token_latency_p50_ms": "token p50 ms",
    "token_latency_p99_ms": "token p99 ms",
    "cpu_s_per_1000_tokens": "CPU s/1000",
    "web_cpu_s_per_1000_tokens": "web",
    "worker_cpu_s_per_1000_tokens": "worker",
    "redis_cpu_s_per_1000_tokens": "redis",
    "bytes_per_token": "bytes/token",
    "lost_or_doubled": "lost",
    "simulator_cpu_s_per_1000_tokens": "(simulator)",
    "reader_cpu_s_per_1000_tokens": "(reader)",
}
STOP_COLUMNS = {
    "stop": "stop",
    "protocol": "protocol",
    "stops": "stops",
    "closed_after_p50_ms": "closed p50 ms",
    "closed_after_max_ms": "closed max ms",
    "within_limit": f"within {LIMIT_MS:g} ms",
}


def print_table(rows: list[Row], columns: dict[str, str]) -> None:
    cells = [list(columns.values())] + [[str(row.get(name, "")) for name in columns] for row in rows]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    for line in cells:
        sys.stdout.write("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) + "\n")
    sys.stdout.write("\n")


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--battles", type=int, nargs="*", default=LEVELS)
    parser.add_argument("--stops", type=int, default=ROUNDS, help="battles to stop at each moment")
    options = parser.parse_args()
    with ExitStack() as stack, tempfile.TemporaryDirectory(prefix="arena-bench-") as folder:
        log = Path(folder) / "bench.log"
        simulator = f"http://127.0.0.1:{(simulator_port := free_port())}"
        relay = f"http://127.0.0.1:{(relay_port := free_port())}"
        arena = f"http://127.0.0.1:{(arena_port := free_port())}"
        upstream = Upstream()
        aside = stack.enter_context(ExitStack())
        servers = aside.enter_context(serving_aside(upstream.answer))
        entries = Path(folder) / "catalogue.toml"
        entries.write_text(CATALOGUE + catalogue(servers.url))
        environment = {
            "ARENA_VAR": folder,
            "ARENA_CATALOGUE": str(entries),
            "ARENA_SIMULATED": "always",
            "SIMULATOR_URL": simulator,
            "DATABASE_URL": os.environ.get("BENCH_DATABASE_URL", ""),
            "REDIS_URL": "",
            "PORT": str(arena_port),
            "LOG_LEVEL": "warning",
            "OLLAMA_HOST": "http://127.0.0.1:9",
        }
        simulated = stack.enter_context(
            running(
                ["manage.py", "simulate", "--port", str(simulator_port)],
                url=f"{simulator}/simulator/state",
                environment=environment,
                log=log,
            )
        )
        relayed = stack.enter_context(
            running(
                ["-m", "tests.bench.bare_relay", str(relay_port), simulator],
                url=f"{relay}/ready",
                environment={},
                log=log,
            )
        )
        supervised = stack.enter_context(
            running(["manage.py", "arena"], url=f"{arena}/readyz", environment=environment, log=log)
        )
        systems = [
            System("direct", simulator, dict),
            System("relay", relay, lambda: {"web": [relayed.pid]}),
            System("arena", arena, lambda: roles(supervised.pid)),
        ]
        stops = asyncio.run(measure_stops(arena, upstream, options.stops)) if options.stops else []
        aside.close()
        rows = [measure(system, battles, simulator, simulated.pid) for battles in options.battles for system in systems]
    add_ratios(rows)
    print_table(rows, STREAM_COLUMNS)
    print_table(stops, STOP_COLUMNS)
    load = {"streams_per_battle": STREAMS, "tokens_per_stream": TOKENS, "tokens_per_s": RATE}
    keep("streams", [row | load for row in rows])
    keep("stops", stops)


def keep(kind: str, rows: list[Row]) -> None:
    folder = ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / time.strftime(f"{kind}-%Y%m%d-%H%M%S.json")
    path.write_text(json.dumps(rows, indent=1) + "\n")
    sys.stdout.write(f"written to {path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
