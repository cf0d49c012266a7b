"""Many battles at once, through the arena, a direct client and the bare relay: lateness, loss, bytes, CPU time."""

import threading
import time
from collections.abc import Iterable
from types import TracebackType

from tests.bench.load import STEADY, Load, percentile
from tests.bench.processes import Costs
from tests.bench.readers import Reading, Readings
from tests.bench.rig import Rig, System
from tests.bench.rows import Row, figure, ms, ratio

LEVELS = (1, 50, 200)
COLUMNS = {
    "system": "system",
    "battles": "battles",
    "added_first_token_p50_ms": "+first p50 ms",
    "added_first_token_p99_ms": "+first p99 ms",
    "token_latency_p50_ms": "token p50 ms",
    "token_latency_p99_ms": "token p99 ms",
    "cpu_s_per_1000_tokens": "CPU s/1000",
    "cpu_per_relay_cpu": "/relay",
    "web_cpu_s_per_1000_tokens": "web",
    "worker_cpu_s_per_1000_tokens": "worker",
    "redis_cpu_s_per_1000_tokens": "redis",
    "postgres_cpu_s_per_1000_tokens": "postgres",
    "bytes_per_token": "bytes/token",
    "lost_or_doubled": "lost",
}
LOAD_COLUMNS = {
    "part": "part",
    "system": "system",
    "battles": "battles",
    "viewers_per_battle": "viewers",
    "seconds": "seconds",
    "measured_cores_busy": "its cores",
    "load_cores_busy": "load's cores",
    "others_cores_busy": "others' cores",
    "simulator_cpu_s_per_1000_tokens": "simulator CPU s/1000",
    "reader_cpu_s_per_1000_tokens": "reader CPU s/1000",
    "simulator_late_p99_ms": "simulator late p99 ms",
    "reader_late_p99_ms": "reader late p99 ms",
}


class Watch:
    """What the processes cost at each second while the block lasted."""

    def __init__(self, system: System) -> None:
        self.looks: list[tuple[float, Costs]] = []
        self._system = system
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None) -> None:
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        self.looks.append((time.monotonic(), self._system.costs()))
        while not self._is_over.wait(1.0):
            self.looks.append((time.monotonic(), self._system.costs()))
        self.looks.append((time.monotonic(), self._system.costs()))

    def spent_s(self, since: float = 0.0) -> dict[str, float]:
        """Each role's CPU time from the last look before that moment on."""
        before = [costs for moment, costs in self.looks if moment <= since][-1:] or [self.looks[0][1]]
        return spent_s(before[0], self.looks[-1][1])

    def peak_mb(self) -> dict[str, float]:
        return {role: max(costs[role].rss_mb for _, costs in self.looks) for role in self.looks[0][1]}


def measure(rig: Rig, system: System, battles: int, *, load: Load = STEADY, viewers: int = 1) -> Row:
    simulator_before = rig.simulator_cost().cpu_s
    rig.simulator_late_p99_s()
    with Watch(system) as watch:
        read = rig.read(system, load, battles, viewers)
    starts = rig.stream_starts()
    spent = watch.spent_s(since=first_token_due(read.readings, starts, load) if load.delay_s else 0.0)
    simulator_s = rig.simulator_cost().cpu_s - simulator_before
    kilotokens = battles * load.streams * load.tokens / 1000
    total_s = sum(spent.values())
    joining_s = sum(watch.spent_s().values()) - total_s
    return {
        "system": system.kind,
        "battles": battles,
        "viewers_per_battle": viewers,
        **load.described(),
        **lateness(read.readings, starts, load),
        "lost_or_doubled": lost_or_doubled(read.readings, load),
        "bytes_per_token": round(sum(reading.bytes for reading in read.readings) / kilotokens / 1000 / viewers, 1),
        "cpu_s_per_1000_tokens": round(total_s / kilotokens, 4),
        **{f"{role}_cpu_s_per_1000_tokens": round(value / kilotokens, 4) for role, value in spent.items()},
        **{f"{role}_peak_rss_mb": round(value, 1) for role, value in watch.peak_mb().items()},
        "cpu_s_before_first_token": round(joining_s, 3),
        **_load_figures(read, kilotokens, simulator_s, rig.simulator_late_p99_s()),
        **_cores(read, total_s + joining_s, simulator_s + read.cpu_s, is_elsewhere=system.is_elsewhere),
    }


def spent_s(before: Costs, after: Costs) -> dict[str, float]:
    return {role: cost.cpu_s - before[role].cpu_s for role, cost in after.items()}


def _load_figures(read: Readings, kilotokens: float, simulator_s: float, simulator_late_s: float) -> Row:
    """What the load itself took, and how well it kept to its times."""
    return {
        "seconds": round(read.wall_s, 1),
        "simulator_cpu_s_per_1000_tokens": round(simulator_s / kilotokens, 4),
        "reader_cpu_s_per_1000_tokens": round(read.cpu_s / kilotokens, 4),
        "simulator_late_p99_ms": ms(simulator_late_s),
        "reader_late_p99_ms": ms(read.late_p99_s),
    }


def _cores(read: Readings, measured_s: float, load_s: float, *, is_elsewhere: bool) -> Row:
    """How many cores were busy on average: with what is measured, with the load, with anything else on this machine."""
    others_s = read.machine_s - load_s - (0.0 if is_elsewhere else measured_s)
    return {
        "measured_cores_busy": round(measured_s / read.wall_s, 2),
        "load_cores_busy": round(load_s / read.wall_s, 2),
        "others_cores_busy": round(max(0.0, others_s) / read.wall_s, 2),
    }


def lost_or_doubled(readings: Iterable[Reading], load: Load) -> int:
    """Tokens that are missing, doubled or out of order, on any viewer; those of streams that never came included."""
    return sum(
        sum(stream.lost_or_doubled(load.tokens) for stream in reading.streams.values())
        + load.tokens * (load.streams - len(reading.streams))
        for reading in readings
    )


def lateness(readings: Iterable[Reading], starts: dict[str, list[float]], load: Load) -> Row:
    """Token latency from the simulator's schedule, and the time to first token from asking.

    Who joins a battle that others have started finds text that was there before: it says nothing about lateness.
    """
    latencies: list[float] = []
    total: list[float] = []
    for reading in readings:
        first_due = start_of(reading, starts) + load.delay_s
        for stream in reading.streams.values():
            late = stream.latencies(first_due, load.rate)
            latencies += late[already_there(stream.arrivals) :] if reading.joined_late else late
        if not reading.joined_late:
            total.append(reading.first_text_at - reading.asked_at - load.delay_s)
    return {
        "first_token_p50_ms": ms(percentile(total, 50)),
        "first_token_p99_ms": ms(percentile(total, 99)),
        "token_latency_p50_ms": ms(percentile(latencies, 50)),
        "token_latency_p99_ms": ms(percentile(latencies, 99)),
    }


def start_of(reading: Reading, starts: dict[str, list[float]]) -> float:
    return min(start for start in starts[reading.key] if start > reading.asked_at)


def first_token_due(readings: Iterable[Reading], starts: dict[str, list[float]], load: Load) -> float:
    return min(start_of(reading, starts) for reading in readings) + load.delay_s


def already_there(arrivals: list[float]) -> int:
    """How many came with the first message."""
    return sum(1 for arrival in arrivals if arrival == arrivals[0])


def measure_level(rig: Rig, arena: System, battles: int) -> list[Row]:
    rows = [*baselines(rig, battles), measure(rig, arena, battles)]
    add_ratios(rows)
    return rows


def baselines(rig: Rig, battles: int) -> list[Row]:
    """The direct client and the bare relay, measured once a run."""
    if battles not in rig.baselines:
        rig.baselines[battles] = [measure(rig, system, battles) for system in (rig.direct, rig.relay)]
    return [dict(row) for row in rig.baselines[battles]]


def measure_streams(rig: Rig, arena: System, levels: Iterable[int]) -> list[Row]:
    return [row for battles in levels for row in measure_level(rig, arena, battles)]


FIGURES_OF_TIME = ("first_token_p50_ms", "first_token_p99_ms", "token_latency_p50_ms", "token_latency_p99_ms")


def add_ratios(rows: list[Row]) -> None:
    """Beside each row what it adds to the direct client's times, and what it costs in bare relays, of the same run."""
    direct = next(row for row in rows if row["system"] == "direct")
    relay = next(row for row in rows if row["system"] == "relay")
    for row in rows:
        if row is not direct:
            for name in FIGURES_OF_TIME:
                row[f"added_{name}"] = round(figure(row, name) - figure(direct, name), 1)
            for name in ("cpu_s_per_1000_tokens", "bytes_per_token"):
                short = name.partition("_")[0]
                row[f"{short}_per_relay_{short}"] = ratio(figure(row, name), figure(relay, name))
