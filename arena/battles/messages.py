"""The text of what goes over a battle's socket: events and the cursor to go on from, cut where they are many."""

from collections.abc import Iterator, Sequence
from itertools import chain

from arena.battles.event_log import as_json
from arena.battles.events import Wire

# What brings an empty page up to date is cut into messages about as large: a slow browser holds up one of them.
MESSAGE_CHARS = 50_000


def message(cursor: str, events: Sequence[Wire]) -> str:
    """The text of one socket message."""
    return as_json({"c": cursor, "e": events})


def messages(cursor: str, events: Sequence[Wire]) -> Iterator[str]:
    """The texts of as many messages as it takes so that none is large.

    Who is cut off before the last must begin anew: only that has a cursor.
    """
    part: list[Wire] = []
    size = 0
    for event in chain.from_iterable(map(_small, events)):
        size += _chars(event)
        if part and size > MESSAGE_CHARS:
            yield message("", part)
            part, size = [], _chars(event)
        part.append(event)
    yield message(cursor, part)


def _small(event: Wire) -> Iterator[Wire]:
    """The event, or, if it is a large snapshot, smaller events that add up to it."""
    if not isinstance(event, dict) or event["type"] != "snapshot" or _chars(event) <= MESSAGE_CHARS:
        yield event
        return
    texts = {"r": str(event["reasoning"]), "a": str(event["answer"])}
    yield {**event, "reasoning": "", "answer": "", "status": "streaming"}
    for name, text in texts.items():
        for start in range(0, len(text), MESSAGE_CHARS):
            yield [event["slot"], event["turn"], name, text[start : start + MESSAGE_CHARS]]
    if event["status"] in {"finished", "stopped"}:  # a failure is told by an event of its own
        yield {"type": event["status"], "slot": event["slot"], "turn": event["turn"]}


def _chars(event: Wire) -> int:
    texts = event if isinstance(event, list) else event.values()
    return sum(len(text) for text in texts if isinstance(text, str))
