"""The same load with one, two and four workers, and with one, ten and a hundred viewers of each battle."""

from collections.abc import Iterable
from contextlib import ExitStack

import redis

from tests.bench.load import WATCHED
from tests.bench.polling import wait_until
from tests.bench.rig import Arena, Rig, System
from tests.bench.rows import Row, figure, ratio
from tests.bench.streams import add_ratios, baselines, measure, spent_s

WORKERS = (1, 2, 4)
WORKER_BATTLES = 50
VIEWERS = (1, 10, 100)
VIEWER_BATTLES = 5
WORKER_COLUMNS = {
    "system": "system",
    "workers": "workers",
    "battles": "battles",
    "added_first_token_p50_ms": "+first p50 ms",
    "added_first_token_p99_ms": "+first p99 ms",
    "token_latency_p50_ms": "token p50 ms",
    "token_latency_p99_ms": "token p99 ms",
    "cpu_s_per_1000_tokens": "CPU s/1000",
    "cpu_per_relay_cpu": "/relay",
    "worker_cpu_s_per_1000_tokens": "workers' CPU",
    "busiest_worker_share": "busiest worker's share",
    "lost_or_doubled": "lost",
}
VIEWER_COLUMNS = {
    "system": "system",
    "battles": "battles",
    "viewers_per_battle": "viewers",
    "token_latency_p50_ms": "token p50 ms",
    "token_latency_p99_ms": "token p99 ms",
    "cpu_s_per_1000_tokens": "CPU s/1000 streamed",
    "web_cpu_s_per_1000_tokens": "web",
    "cpu_s_per_1000_tokens_seen": "CPU s/1000 seen",
    "cpu_per_relay_cpu_seen": "/relay",
    "joining_cpu_ms_per_viewer": "CPU ms/join",
    "bytes_per_token": "bytes/token",
    "web_peak_rss_mb": "web MB",
    "lost_or_doubled": "lost",
}


def measure_workers(rig: Rig, arena: Arena, counts: Iterable[int], battles: int = WORKER_BATTLES) -> list[Row]:
    rows = baselines(rig, battles)
    with ExitStack() as stack:
        for count in sorted(counts):
            while len(arena.extra_workers) < count - 1:
                stack.enter_context(rig.another_worker(arena))
            wait_until(lambda count=count: idle_workers(arena) >= count, f"{count} workers")  # type: ignore[misc]
            rows.append(_with_workers(rig, arena, count, battles))
    add_ratios(rows)
    return rows


def _with_workers(rig: Rig, arena: Arena, count: int, battles: int) -> Row:
    before = arena.cost_of_each("worker")
    row = measure(rig, arena, battles)
    spent = spent_s(before, arena.cost_of_each("worker"))
    share = max(spent.values()) / sum(spent.values())
    return row | {"workers": count, "busiest_worker_share": round(share, 2)}


def idle_workers(arena: Arena) -> int:
    """How many wait at the queue."""
    with redis.Redis.from_url(arena.redis_url) as client:
        return sum(connection["cmd"] == "brpop" for connection in client.client_list())


def measure_viewers(rig: Rig, arena: System, counts: Iterable[int], battles: int = VIEWER_BATTLES) -> list[Row]:
    """What all viewers together have seen is compared with the bare relay, which serves each stream to one.

    CPU time counts from when the first token was due: what starting and joining costs is told apart.
    """
    relay = measure(rig, rig.relay, battles)
    watched = [measure(rig, arena, battles, load=WATCHED, viewers=count) for count in counts]
    for row in watched:
        joins = battles * figure(row, "viewers_per_battle")
        row["joining_cpu_ms_per_viewer"] = round(figure(row, "cpu_s_before_first_token") / joins * 1000, 1)
    rows = [relay, *watched]
    for row in rows:
        seen = figure(row, "cpu_s_per_1000_tokens") / figure(row, "viewers_per_battle")
        row["cpu_s_per_1000_tokens_seen"] = round(seen, 5)
        row["cpu_per_relay_cpu_seen"] = ratio(seen, figure(relay, "cpu_s_per_1000_tokens"))
    return rows
