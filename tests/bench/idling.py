"""Open sockets on finished battles, in a new arena: memory that an earlier load left would be taken for nothing."""

import asyncio

from tests.bench import idle
from tests.bench.rig import Rig
from tests.bench.rows import Row

SOCKETS = 1000
BATTLES = (50,)
WINDOW_S = 30.0  # two heartbeats
COLUMNS = {
    "sockets": "sockets",
    "on_battles": "on battles",
    "web_cpu_percent": "web % of a core",
    "redis_cpu_percent": "redis %",
    "memory_per_socket_kb": "kB/socket",
    "opening_cpu_per_socket_ms": "CPU ms/open",
    "still_open": "still open",
}


def measure_idling(rig: Rig, sockets: int = SOCKETS, window_s: float = WINDOW_S) -> list[Row]:
    with rig.arena("idle", extra_catalogue=idle.catalogue()) as arena:
        return asyncio.run(
            idle.measure_idle(arena.address, arena.pids, sockets=sockets, battles=BATTLES, window_s=window_s)
        )
