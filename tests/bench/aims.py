"""What the arena aims at, beside what was measured. Figures of a busy machine say little: look at the load's table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.bench.rows import Row, figure

FULL = 200  # battles at once
FULL_SOCKETS = 1000
COLUMNS = {"aim": "aim", "limit": "limit", "measured": "measured", "holds": "holds"}


@dataclass(frozen=True)
class Aim:
    """A figure of the rows of one part, of which the worst counts."""

    words: str
    part: str
    name: str
    limit: float

    def applies_to(self, row: Row) -> bool:
        is_full = {
            "streams": row.get("battles") == FULL,
            "idle": row.get("sockets") == FULL_SOCKETS,
            "pairing": row.get("is_aim"),
        }
        return row.get("system", "arena") == "arena" and bool(is_full.get(self.part, True))


AIMS = (
    Aim("200 battles: token latency p99, ms", "streams", "token_latency_p99_ms", 200),
    Aim("200 battles: CPU s per 1,000 tokens", "streams", "cpu_s_per_1000_tokens", 0.06),
    Aim("200 battles: bytes per token", "streams", "bytes_per_token", 15),
    Aim("200 battles: added to first token p50, ms", "streams", "added_first_token_p50_ms", 20),
    Aim("200 battles: added to first token p99, ms", "streams", "added_first_token_p99_ms", 150),
    Aim("200 battles: tokens lost or doubled", "streams", "lost_or_doubled", 0),
    Aim("Worker: kB per running stream", "memory", "worker_kb_per_stream", 100),
    Aim("1,000 idle sockets: web, % of a core", "idle", "web_cpu_percent", 2),
    Aim("1,000 idle sockets: kB per socket", "idle", "memory_per_socket_kb", 20),
    Aim("Pairing: ballots needed, per ballot of a uniform draw", "pairing", "aimed_per_uniform", 0.25),
    Aim("Stop: model server left after at most, ms", "stops", "closed_after_max_ms", 200),
)


def judge(results: Mapping[str, list[Row]], aims: Iterable[Aim] = AIMS) -> list[Row]:
    """A row for each aim that something was measured for."""
    return [row for aim in aims if (row := _judged(aim, results.get(aim.part, [])))]


def _judged(aim: Aim, rows: list[Row]) -> Row | None:
    values = [figure(row, aim.name) for row in rows if aim.applies_to(row)]
    if not values:
        return None
    worst = max(values)
    return {"aim": aim.words, "limit": aim.limit, "measured": worst, "holds": worst <= aim.limit}
