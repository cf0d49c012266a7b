"""What a web process holds of one battle's log, and the frames that it makes of it for those who watch.

A frame holds everything after a position. It is built once and shared by all who stand at the same place.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import Iterable
from itertools import chain, takewhile
from typing import Protocol

from arena.battles.event_log import START, LogState, Position, cursor_of, decode, join_deltas, log_key, parse_position
from arena.battles.events import Alive, Wire
from arena.battles.messages import message

# A browser further behind than this (a minute or so) gets snapshots instead of every delta.
ENTRIES_HELD = 1500
BYTES_HELD = 256_000
# The last ones are kept as they are read: nearly every frame is made of one or two of them.
ENTRIES_AT_HAND = 32
# At most one frame per battle and this time: what comes meanwhile is joined.
FRAME_EVERY_S = 0.05
# A battle is quiet when all its responses have ended and nothing was heard of it for so long.
QUIET_AFTER_S = 30.0


class Watcher(Protocol):
    """Somebody who follows a feed. Neither call may wait."""

    def look(self) -> None:
        """There may be something new."""

    def say_alive(self) -> None:
        """Nothing need be new; it is time for a sign of life."""

    def come_again(self) -> None:
        """This feed's log was lost, and nothing more may come: only the database knows how things ended."""


class Feed:
    """One battle's log as this process knows it."""

    def __init__(self, battle_id: str) -> None:
        self.key = log_key(battle_id).encode()
        self.state = LogState(keeps_ended=False)
        self.position = START
        self.entry_id = b"0-0"
        self.last_seen = b""  # where the log is in doubt: the last entry that surely was of this one
        self.watchers: set[Watcher] = set()
        self._entries: deque[tuple[Position, bytes]] = deque()
        self._at_hand: deque[list[Wire]] = deque(maxlen=ENTRIES_AT_HAND)  # the last of them
        self._bytes_held = 0
        self._begins_at = START
        self._dropped_to = START
        self._frames: dict[Position, str] = {}
        self._told = START
        self._has_first_text = False
        self._rest: asyncio.TimerHandle | None = None
        self._heard_at = time.monotonic()

    def append(self, entry_id: bytes, data: bytes, *, is_base: bool = False) -> None:
        """Take in an entry of the log. One that is known already changes nothing."""
        position = parse_position(entry_id)
        if position <= self.position:
            return
        if self.position == START:
            self._begins_at = position
        self.position, self.entry_id = position, entry_id
        events = decode({b"e": data})
        self._has_first_text |= self.state.apply(events)
        self._entries.append((position, data))
        self._at_hand.append(events)
        self._bytes_held += len(data)
        # What a base was made of is gone: nobody can be told it piece by piece.
        held = 0 if is_base else ENTRIES_HELD
        while len(self._entries) > held or self._bytes_held > BYTES_HELD:
            self._dropped_to, dropped = self._entries.popleft()
            self._bytes_held -= len(dropped)
        self._frames.clear()
        self._heard_at = time.monotonic()

    @property
    def cursor(self) -> str:
        """From where a browser can go on that has everything so far: the start, which is no place to go on from, if
        there may be none."""
        return cursor_of(START if self.last_seen else self.position)

    def doubt(self) -> None:
        """The log may be lost, and what is read from now on be of another. With a cursor in that one a browser would
        never be told what it has missed in this one."""
        self.last_seen = self.last_seen or self.entry_id
        self._frames.clear()

    def trust(self) -> None:
        self.last_seen = b""
        self._frames.clear()

    @property
    def is_at_rest(self) -> bool:
        """Whether everything it has heard of has ended."""
        return all(response.is_ended for response in self.state.responses.values())

    @property
    def ends_with_text(self) -> bool:
        """Whether the newest event is a delta, which more will follow."""
        return bool(self._at_hand) and isinstance(self._at_hand[-1][-1], list)

    def tell(self) -> None:
        """Have everybody look, at once or when the present rest is over. The first text of a response ends a rest."""
        if self._rest is None:
            self._tell_now()
        elif self._has_first_text:
            self._rest.cancel()
            self._tell_now()

    def _tell_now(self) -> None:
        self._told, self._has_first_text = self.position, False
        self._rest = asyncio.get_running_loop().call_later(FRAME_EVERY_S, self._rested)
        for watcher in tuple(self.watchers):
            watcher.look()

    def _rested(self) -> None:
        self._rest = None
        if self._told < self.position:
            self._tell_now()

    def reaches_back_to(self, position: Position) -> bool:
        """Is every entry after `position` still held, and was `position` ever a place in this log?

        It is none where the log has expired, or was lost, since the browser had it: what came between is nowhere.
        """
        is_ours = position == START or position >= self._begins_at
        return is_ours and self._dropped_to <= position <= self.position

    def frame_after(self, position: Position) -> str:
        """One message with everything after `position`, or a sign of life; its cursor is the log's present end."""
        if position not in self._frames:
            events = join_deltas(chain.from_iterable(self._after(position))) or [Alive().wire()]
            self._frames[position] = message(self.cursor, events)
        return self._frames[position]

    def _after(self, position: Position) -> Iterable[list[Wire]]:
        newest_first = [entry for _, entry in takewhile(lambda entry: entry[0] > position, reversed(self._entries))]
        missed = len(newest_first)
        if missed <= len(self._at_hand):
            return list(self._at_hand)[len(self._at_hand) - missed :]
        return (json.loads(entry) for entry in reversed(newest_first))

    def settle(self) -> bool:
        """True, and what was held for those who watch a stream is dropped, if nothing happens here any more.

        The database has the texts of all responses that have ended.
        """
        if not self.is_at_rest or time.monotonic() - self._heard_at < QUIET_AFTER_S:
            return False
        self._entries.clear()
        self._bytes_held = 0
        self._dropped_to = self.position
        self._frames.clear()
        self._at_hand.clear()
        self.state = LogState(keeps_ended=False)
        return True
