"""Bytes that leave at their time: one clock for all answers of a server, instead of a timer for each token."""

import asyncio
import heapq
from collections.abc import Callable, Iterator
from itertools import count
from math import inf
from typing import Protocol

# Seconds to wait after the frame before (inf: until woken, which may be never), and what to write then.
Frame = tuple[float, bytes]

# The clock looks at most this often: it bounds wake-ups, and is far below what a token's reader can notice.
TICK_S = 0.002
# An answer that is to come all at once is written in pieces of about this size, so that others get their turn.
BURST_BYTES = 65_536


class CutOff(Exception):
    """Raised by frames where the simulated server dies: the connection is closed there and then."""


class Outlet(Protocol):
    """Where an answer's bytes go."""

    def write(self, data: bytes) -> None: ...
    def is_blocked(self) -> bool: ...
    def answer_ended(self) -> None: ...
    def cut_off(self) -> None: ...


class Clock:
    """A heap of what is due, and one timer for its head."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due: list[tuple[float, int, Playback]] = []
        self._numbers = count()
        self._timer: asyncio.TimerHandle | None = None

    def now(self) -> float:
        return self._loop.time()

    def later(self, wait_s: float, call: Callable[[], None]) -> None:
        self._loop.call_later(wait_s, call)

    def wake(self, playback: "Playback", due: float) -> None:
        heapq.heappush(self._due, (due, next(self._numbers), playback))
        if self._timer is None or due < self._timer.when() - TICK_S:
            self._set_timer()

    def stop(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._due.clear()

    def _set_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = self._loop.call_at(max(self._due[0][0], self._loop.time() + TICK_S), self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self._loop.time()
        heap = self._due
        while heap and heap[0][0] <= now:
            _, number, playback = heapq.heappop(heap)
            due = playback.play(now)  # may start the next answer of its connection, which comes into the heap too
            if due is not None:
                heapq.heappush(heap, (due, number, playback))
        if heap:
            self._set_timer()


class Playback:
    """One answer on its way. Frames keep to an absolute schedule, so that lateness does not add up."""

    __slots__ = ("_data", "_due", "_frames", "_is_parked", "_outlet", "is_over")

    def __init__(self, frames: Iterator[Frame], outlet: Outlet) -> None:
        self._frames = frames
        self._outlet = outlet
        self._data = b""
        self._due = 0.0
        self._is_parked = False
        self.is_over = False

    def start(self, clock: Clock) -> None:
        self._due = clock.now()
        due = self.play(self._due)
        if due is not None:
            clock.wake(self, due)

    def resume(self, clock: Clock) -> None:
        """Go on after the client had stopped reading; like a real server, it has not written ahead."""
        if self._is_parked:
            self._is_parked = False
            self._due = max(self._due, clock.now())
            clock.wake(self, self._due)

    def wake(self, clock: Clock) -> None:
        """Go on after a frame that was to wait for ever."""
        if not self.is_over and self._due == inf:
            self._due = clock.now()
            clock.wake(self, self._due)

    def close(self) -> None:
        self.is_over = True
        close = getattr(self._frames, "close", None)
        if close:
            close()

    def play(self, now: float) -> float | None:
        """Write what is due by `now`. The time of the next frame, or None: over, or the client does not read."""
        if self.is_over:
            return None
        if self._outlet.is_blocked():
            self._is_parked = True
            return None
        pending: list[bytes] = []
        size = 0
        try:
            while self._due <= now:
                if self._data:
                    pending.append(self._data)
                    size += len(self._data)
                wait, self._data = next(self._frames)
                self._due += wait
                if size > BURST_BYTES:
                    self._due = max(self._due, now + TICK_S)
        except StopIteration:
            self._end(pending, self._outlet.answer_ended)
            return None
        except CutOff:
            self._end(pending, self._outlet.cut_off)
            return None
        if pending:
            self._outlet.write(b"".join(pending))
        return self._due if self._due < inf else None

    def _end(self, pending: list[bytes], how: Callable[[], None]) -> None:
        self.is_over = True
        if pending:
            self._outlet.write(b"".join(pending))
        how()
