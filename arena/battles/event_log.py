"""A battle's log: a Redis Stream of the events its browsers are sent, appended in batches, read from any point.

A log entry has a field `e`: a JSON list of events in their wire form (`arena.battles.events`). What a run
appends is fenced by the run's lease (`arena.battles.leases`), so that a worker thought dead cannot write on.
The log is for those who watch; the database has the texts once a response has ended.

A log that has grown long is folded (`arena.battles.log_keeping`): it then begins with a base, an entry with a field `b`
whose events say what those before it added up to.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import cast
from uuid import UUID

import redis

from arena.battles.events import Event, NamedItself, ResponseFailed, ResponseSnapshot, ResponseWaiting, TextDelta, Wire
from arena.growing_text import GrowingText

# Entries kept per battle: one holds some 66 ms of text, so this is more than a response may take at most.
LOG_ENTRIES_MAX = 150_000
# While its run plays, so that what is lost with a worker can be taken from it even if no other is there for hours.
LOG_EXPIRY_S = 6 * 60 * 60
# Afterwards the database tells more, and as fast: the log is there for those who come back with a cursor.
LOG_LINGERS_S = 5 * 60
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
    return as_json(join_deltas(event.wire() for event in events))


def as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


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


def joined(events: Iterable[Event]) -> list[Event]:
    """The same events, with the deltas of each text joined."""
    fewer: list[Event] = []
    for are_deltas, group in groupby(events, lambda event: isinstance(event, TextDelta)):
        if are_deltas:
            fewer += (TextDelta(*wire) for wire in join_deltas(event.wire() for event in group))
        else:
            fewer += group
    return fewer


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


def is_base(fields: dict[bytes, bytes]) -> bool:
    return b"b" in fields


def publish(client: redis.Redis, battle_id: UUID | str, events: Iterable[Event]) -> None:
    """Append events that belong to no run; one that plays will prolong the log again. Raises RedisError."""
    with client.pipeline(transaction=False) as pipe:
        pipe.xadd(log_key(battle_id), {"e": encode(events)}, maxlen=LOG_ENTRIES_MAX)
        pipe.expire(log_key(battle_id), LOG_LINGERS_S)
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

    __slots__ = ("_answer", "_reasoning", "failure", "named_itself", "status", "why")

    def __init__(self) -> None:
        self.status = "waiting"
        self.why = ""  # the reason for its silence before the first text, if one is known
        self.failure: tuple[str, str] | None = None
        self.named_itself = False
        self._reasoning = GrowingText()
        self._answer = GrowingText()

    @property
    def is_ended(self) -> bool:
        return self.status in {"finished", "failed", "stopped"}

    @property
    def has_text(self) -> bool:
        return bool(self._reasoning or self._answer)

    @property
    def reasoning(self) -> str:
        return str(self._reasoning)

    @property
    def answer(self) -> str:
        return str(self._answer)

    def append(self, part: object, text: str) -> None:
        self.why = ""
        (self._reasoning if part == "r" else self._answer).append(text)

    def apply(self, event: dict[str, object]) -> None:
        self.why = str(event["why"]) if event["type"] == "waiting" else ""
        match event["type"]:
            case "started":
                self.status = "streaming"
            case "restarted":
                self.status, self.failure, self.named_itself = "waiting", None, False
                self.replace_text()
            case "relabel":
                self.replace_text(reasoning=f"{self._reasoning}{self._answer}")
            case "snapshot":
                self.status = str(event["status"])
                self.replace_text(reasoning=str(event["reasoning"]), answer=str(event["answer"]))
            case "named_itself":
                self.named_itself = True
            case "failed":
                self.status, self.failure = "failed", (str(event["code"]), str(event["message"]))
            case "finished" | "stopped" as status:
                self.status = status

    def restated(self, slot: str, turn: int) -> list[Wire]:
        """Events that tell all of this."""
        named = [NamedItself(slot, turn)] if self.named_itself else []
        snapshot = ResponseSnapshot(slot, turn, self.reasoning, self.answer, self.status)
        failure = self.failure if self.status == "failed" else None
        failed = [ResponseFailed(slot, turn, *failure)] if failure else []
        waiting = [ResponseWaiting(slot, turn, self.why)] if self.why else []
        return [event.wire() for event in (*named, snapshot, *failed, *waiting)]

    def replace_text(self, *, reasoning: str = "", answer: str = "") -> None:
        self._reasoning, self._answer = GrowingText(reasoning), GrowingText(answer)


class LogState:
    """What a log adds up to: the responses it tells of, by turn and slot.

    Where `keeps_ended` is false, the text of a response is dropped as it ends: the database has it by then. `ends`
    counts the ends told so far: whoever finds it unchanged after a read of the database has read of all of them.
    """

    def __init__(self, *, keeps_ended: bool = True) -> None:
        self.responses: dict[tuple[int, str], ResponseText] = {}
        self.progress: dict[int, Wire] = {}  # the latest of each turn
        self.ends = 0
        self._keeps_ended = keeps_ended

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
                self._tell(self._response(event["turn"], event["slot"]), event)
            elif event["type"] == "progress":
                self.progress[int(str(event["turn"]))] = event
        return is_first_text

    def restated(self) -> list[Wire]:
        """Events that add up to the same."""
        told = [event for (turn, slot), response in self.responses.items() for event in response.restated(slot, turn)]
        return [*told, *self.progress.values()]

    def _tell(self, response: ResponseText, event: dict[str, object]) -> None:
        response.apply(event)
        if response.is_ended:
            self.ends += 1
            if not self._keeps_ended:
                response.replace_text()

    def _response(self, turn: object, slot: object) -> ResponseText:
        key = (int(str(turn)), str(slot))
        if key not in self.responses:
            self.responses[key] = ResponseText()
        return self.responses[key]
