"""How far a pull is, from the lines that an Ollama tells while it fetches a model."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from arena.contestants.errands import State
from arena.contestants.providers.values import as_text

SPEED_OVER_S = 10.0
MAX_LAYERS = 200
MAX_BYTES = 2**53

_PHASES = {
    "manifest": "pulling manifest",
    "verifying": "verifying",
    "writing": "writing manifest",
    "tidying": "removing",
    "done": "success",
}


@dataclass
class Layer:
    completed: int = 0
    total: int = 0


class Progress:
    """What the lines of a pull tell."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.phase = ""
        self.is_done = False
        self.layers: dict[str, Layer] = {}
        self._clock = clock
        self._fetched = 0
        self._marks: deque[tuple[float, int]] = deque([(clock(), 0)])

    @property
    def completed(self) -> int:
        return sum(layer.completed for layer in self.layers.values())

    @property
    def total(self) -> int:
        return sum(layer.total for layer in self.layers.values())

    def read(self, line: dict[str, object]) -> None:
        status = as_text(line.get("status"))
        digest = as_text(line.get("digest"))
        self.is_done = status == "success"
        if digest and (digest in self.layers or len(self.layers) < MAX_LAYERS):
            self.phase = "fetching"
            self._read_layer(digest[:80], bytes_of(line.get("completed")), bytes_of(line.get("total")))
        else:
            self.phase = next(
                (phase for phase, beginning in _PHASES.items() if status.startswith(beginning)), "working"
            )

    def state(self) -> State:
        speed = self.speed()
        left = self.total - self.completed
        return {
            "phase": self.phase,
            "completed": self.completed,
            "total": self.total,
            "speed": speed,
            "left_s": left / speed if speed and left > 0 else None,
            "layers": [[layer.completed, layer.total] for layer in self.layers.values()],
        }

    def speed(self) -> float | None:
        """Bytes a second lately; None where nothing can be said."""
        now = self._clock()
        while len(self._marks) > 1 and now - self._marks[1][0] > SPEED_OVER_S:
            self._marks.popleft()
        since, fetched = self._marks[0]
        if self.phase != "fetching" or now - since < 1 or self._fetched <= fetched:
            return None
        return (self._fetched - fetched) / (now - since)

    def _read_layer(self, digest: str, completed: int, total: int) -> None:
        layer = self.layers.get(digest)
        if layer is None:  # what it has of it already was not fetched just now
            self.layers[digest] = Layer(completed, total)
            return
        self._fetched += max(0, completed - layer.completed)
        layer.completed, layer.total = completed, max(total, layer.total)
        if self._clock() - self._marks[-1][0] >= 0.25:
            self._marks.append((self._clock(), self._fetched))


def bytes_of(value: object) -> int:
    return min(value, MAX_BYTES) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
