"""What happened on each connection and when, so that others can measure it: `GET /simulator/state` tells."""

from collections import deque
from dataclasses import asdict, dataclass, field
from time import monotonic

CONNECTIONS_KEPT = 1000
REQUESTS_KEPT = 20  # of each connection


def now_ms() -> float:
    """On the clock that all processes of a machine share."""
    return round(monotonic() * 1000, 3)


@dataclass(slots=True)
class RequestNote:
    """`ended_by`: "finished", "client" (it left), "server" (a fault cut it off), "" while it runs."""

    path: str
    model: str
    began_ms: float = field(default_factory=now_ms)
    first_byte_ms: float | None = None
    ended_ms: float | None = None
    ended_by: str = ""

    def end(self, by: str) -> None:
        self.ended_ms, self.ended_by = now_ms(), by


@dataclass(slots=True)
class ConnectionNote:
    """`closed_by`: "client", "server", or "" while it is open."""

    number: int
    opened_ms: float = field(default_factory=now_ms)
    closed_ms: float | None = None
    closed_by: str = ""
    requests: deque[RequestNote] = field(default_factory=lambda: deque(maxlen=REQUESTS_KEPT))

    def close(self, by: str) -> None:
        self.closed_ms, self.closed_by = now_ms(), by


class Journal:
    """The last connections, oldest first."""

    def __init__(self) -> None:
        self._opened = 0
        self._notes: deque[ConnectionNote] = deque(maxlen=CONNECTIONS_KEPT)

    def open(self) -> ConnectionNote:
        self._opened += 1
        note = ConnectionNote(self._opened)
        self._notes.append(note)
        return note

    def told(self) -> list[dict[str, object]]:
        return [asdict(note) | {"requests": [asdict(request) for request in note.requests]} for note in self._notes]
