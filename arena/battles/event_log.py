"""A battle's log: a Redis Stream of the events its browsers are sent, appended in batches, read from any point.

A log entry has one field, `e`: a JSON list of events in their wire form (`arena.battles.events`). What a run
appends is fenced by the run's lease (`arena.battles.leases`), so that a worker thought dead cannot write on.
The log is for those who watch; the database has the texts once a response has ended.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import cast
from uuid import UUID

import redis

from arena.battles.events import Event, Wire

# Entries kept per battle: one holds ~50 ms of text, so this is more than a response may take at most.
LOG_ENTRIES_MAX = 150_000
# A log is read by those who watch; this long after its last entry nobody does.
LOG_EXPIRY_S = 6 * 60 * 60
READ_COUNT = 1000

# Runs that are to be stopped, published by their ids.
STOP_CHANNEL = "arena:stop"

Position = tuple[int, int]
START: Position = (0, 0)
Entries = list[tuple[bytes, dict[bytes, bytes]]]


def log_key(battle_id: UUID | str) -> str:
    return f"arena:battle:{battle_id}:log"


def encode(events: Iterable[Event]) -> str:
    """The JSON of one log entry. Neighbouring deltas of one text are joined."""
    return json.dumps(join_deltas(event.wire() for event in events), ensure_ascii=False, separators=(",", ":"))


def join_deltas(events: Iterable[Wire]) -> list[Wire]:
    """Join the deltas of each text, in order, up to the next event that is not a delta.

    Different texts may pass one another: each is appended to on its own.
    """
    joined: list[Wire] = []
    open_texts: dict[tuple[object, ...], list[str]] = {}
    places: list[tuple[int, list[str]]] = []
    for event in events:
        if isinstance(event, dict):
            open_texts.clear()
            joined.append(event)
            continue
        slot, turn, part, text = event
        key = (slot, turn, part)
        if key in open_texts:
            open_texts[key].append(str(text))
        else:
            pieces = open_texts[key] = [str(text)]
            places.append((len(joined), pieces))
            joined.append([slot, turn, part, text])
    for place, pieces in places:
        if len(pieces) > 1:
            joined[place][3] = "".join(pieces)  # type: ignore[index]  # only deltas have places
    return joined


def decode(fields: dict[bytes, bytes]) -> list[Wire]:
    events: list[Wire] = json.loads(fields[b"e"])
    return events


def parse_position(entry_id: bytes) -> Position:
    """`b"1700000000000-3"` as numbers that compare."""
    milliseconds, _, number = entry_id.partition(b"-")
    return int(milliseconds), int(number)


DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def cursor_of(position: Position) -> str:
    """The position as browsers carry it: opaque to them, and short, for every message holds one."""
    milliseconds, number = position
    return _base36(milliseconds) + (f".{_base36(number)}" if number else "")


def position_of(cursor: str) -> Position | None:
    """The position behind a browser's cursor; None if it is none of ours."""
    milliseconds, _, number = cursor.partition(".")
    try:
        return int(milliseconds, 36), int(number or "0", 36)
    except ValueError:
        return None


def _base36(number: int) -> str:
    digits = ""
    while True:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
        if not number:
            return digits


def publish(client: redis.Redis, battle_id: UUID | str, events: Iterable[Event]) -> None:
    """Append events that belong to no run. Raises RedisError."""
    with client.pipeline(transaction=False) as pipe:
        pipe.xadd(log_key(battle_id), {"e": encode(events)}, maxlen=LOG_ENTRIES_MAX)
        pipe.expire(log_key(battle_id), LOG_EXPIRY_S)
        pipe.execute()


def read_log(client: redis.Redis, battle_id: UUID | str) -> Iterator[tuple[Position, list[Wire]]]:
    """All entries of a log, oldest first. Raises RedisError."""
    start = "-"
    while entries := cast(Entries, client.xrange(log_key(battle_id), min=start, count=READ_COUNT)):
        for id_, fields in entries:
            yield parse_position(id_), decode(fields)
        start = f"({entries[-1][0].decode()}"


class ResponseText:
    """A response as far as the log tells it."""

    __slots__ = ("_answer", "_reasoning", "failure", "status", "why")

    def __init__(self) -> None:
        self.status = "waiting"
        self.why = ""  # the reason for its silence before the first text, if one is known
        self.failure: tuple[str, str] | None = None
        self._reasoning: list[str] = []
        self._answer: list[str] = []

    @property
    def is_ended(self) -> bool:
        return self.status in {"finished", "failed", "stopped"}

    @property
    def has_text(self) -> bool:
        return bool(self._reasoning or self._answer)

    @property
    def reasoning(self) -> str:
        return _joined(self._reasoning)

    @property
    def answer(self) -> str:
        return _joined(self._answer)

    def append(self, part: object, text: str) -> None:
        self.why = ""
        (self._reasoning if part == "r" else self._answer).append(text)

    def apply(self, event: dict[str, object]) -> None:
        self.why = str(event["why"]) if event["type"] == "waiting" else ""
        match event["type"]:
            case "started":
                self.status = "streaming"
            case "restarted":
                self.status, self.failure = "waiting", None
                self._reasoning, self._answer = [], []
            case "relabel":
                self._reasoning, self._answer = [*self._reasoning, *self._answer], []
            case "snapshot":
                self.status = str(event["status"])
                self._reasoning, self._answer = [str(event["reasoning"])], [str(event["answer"])]
            case "failed":
                self.status, self.failure = "failed", (str(event["code"]), str(event["message"]))
            case "finished" | "stopped" as status:
                self.status = status


class LogState:
    """What a log adds up to: the responses it tells of, by turn and slot."""

    def __init__(self) -> None:
        self.responses: dict[tuple[int, str], ResponseText] = {}

    def apply(self, events: Sequence[Wire]) -> bool:
        """Take the events in. True if one of them was the first text of a response."""
        is_first_text = False
        for event in events:
            if isinstance(event, list):
                slot, turn, part, text = event
                response = self._response(turn, slot)
                is_first_text |= not response.has_text
                response.append(part, str(text))
            elif "slot" in event:
                self._response(event["turn"], event["slot"]).apply(event)
        return is_first_text

    def _response(self, turn: object, slot: object) -> ResponseText:
        key = (int(str(turn)), str(slot))
        if key not in self.responses:
            self.responses[key] = ResponseText()
        return self.responses[key]


def _joined(pieces: list[str]) -> str:
    if len(pieces) > 1:
        pieces[:] = ["".join(pieces)]
    return pieces[0] if pieces else ""
