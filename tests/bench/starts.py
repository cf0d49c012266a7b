"""What a battle costs however short it is: its page's request, its rows, its task, its sockets."""

from tests.bench.load import SHORT
from tests.bench.rig import Rig, System
from tests.bench.rows import Row, figure
from tests.bench.streams import measure

BATTLES = 100
COLUMNS = {
    "battles": "battles",
    "tokens_per_stream": "tokens",
    "cpu_ms_per_battle": "CPU ms/battle",
    "web_cpu_ms_per_battle": "web",
    "worker_cpu_ms_per_battle": "worker",
    "redis_cpu_ms_per_battle": "redis",
    "postgres_cpu_ms_per_battle": "postgres",
    "first_token_p50_ms": "first p50 ms",
    "first_token_p99_ms": "first p99 ms",
    "lost_or_doubled": "lost",
}
PER_1000_TOKENS = "cpu_s_per_1000_tokens"


def measure_starts(rig: Rig, arena: System, battles: int = BATTLES) -> list[Row]:
    """By battles that are over at once, started 25 a second."""
    measure(rig, arena, 5, load=SHORT)  # what is made once, and kept
    row = measure(rig, arena, battles, load=SHORT)
    costs = {name: figure(row, name) for name in row if name.endswith(PER_1000_TOKENS)}
    row |= {
        name.replace(PER_1000_TOKENS, "cpu_ms_per_battle"): round(value * SHORT.streams * SHORT.tokens, 1)
        for name, value in costs.items()
    }
    return [row]
