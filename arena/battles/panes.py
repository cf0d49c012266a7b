"""What a worker's loop plays: a run is some responses of one battle, a pane one of them while it plays.

Nothing here waits, and nothing touches the database.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Never
from uuid import UUID

import httpx

from arena.battles.events import EndEvent, Event
from arena.battles.log_writer import RunLog
from arena.battles.running_costs import Meter
from arena.battles.streaming import Outcome, Transcript
from arena.contestants.deltas import Delta
from arena.contestants.errors import DeadlinePassed, Silent, TimedOut
from arena.contestants.identity.lexicon import Lexicon
from arena.contestants.providers.patience import TimeLimits

Opener = Callable[[httpx.AsyncClient, str], AsyncGenerator[Delta, None]]
Ending = Callable[[], Outcome]


@dataclass(frozen=True, slots=True)
class Part:
    """One response of a run: its place, how its stream is opened, and how long it is waited for.

    `open` gets the HTTP client and, for a simulated contestant, the URL it is served at; it may raise a ProviderError.
    `contestant`, `provider` and `server` (an address without secrets) are for the operator's log.
    """

    response_id: int
    slot: str
    turn: int
    is_restart: bool
    is_simulated: bool
    is_free: bool
    open: Opener
    limits: TimeLimits
    contestant: str
    provider: str
    server: str
    meter: Meter | None = None  # of those that cost something
    names: Lexicon | None = None  # that may not be told, in a blind battle


class Interrupted(Exception):
    """The worker is stopping, or has lost the run to another."""


@dataclass(eq=False)
class Pane:
    """A part while it plays."""

    part: Part
    transcript: Transcript
    task: asyncio.Task[Outcome]
    outcome: Outcome | None = None
    is_ours: bool = True
    told_end: EndEvent | None = None  # once the outcome is saved
    _ending: Ending | None = None

    def end(self, ending: Ending) -> None:
        """Cancel the stream, which closes the connection upstream. `ending` tells what is then saved, or raises why."""
        if self._ending is None and not self.task.done():
            self._ending = ending
            self.task.cancel()

    def result(self) -> Outcome:
        """How the ended stream is saved: what was whole before it was cut off stays whole. Raises as `play` does,
        Interrupted, or the limit that it passed."""
        if not self.task.cancelled():
            self.task.exception()  # asyncio complains of one that nobody has looked at
        if self.transcript.finish is not None:
            return self.transcript.outcome()
        if self._ending is not None:
            return self._ending()
        if self.task.cancelled():  # by something below: passed on as it is, nobody would take it for an end
            raise Interrupted
        return self.task.result()

    def watch(self) -> None:
        """End it if it has passed a limit."""
        if not self.task.done() and (passed := self._limit_passed()):
            self.end(lambda: _raise(passed))

    def _limit_passed(self) -> TimedOut | None:
        limits, transcript = self.part.limits, self.transcript
        if transcript.elapsed_s > limits.deadline_s:
            return DeadlinePassed(f"not finished after {limits.deadline_s:g} s")
        if not transcript.has_text:
            is_late = transcript.elapsed_s > limits.first_token_s
            return Silent(f"no text within {limits.first_token_s:g} s") if is_late else None
        return Silent(f"nothing for {limits.silence_s:g} s") if transcript.silent_s > limits.silence_s else None

    def restate(self) -> list[Event]:
        """What has ended but is not saved yet is told as running: readers of the log rely on that."""
        if self.told_end is None:
            return self.transcript.restated()
        return [*self.transcript.restated_name(), self.transcript.snapshot(self.told_end.type), self.told_end]


@dataclass(eq=False)
class Run:
    """Some responses of one battle, played by this worker. `deliver` gets each outcome, in a thread-safe way.

    `is_ours` asks whether the run was given up for dead, and has `keep` know.
    """

    run_id: str
    battle_id: UUID
    deliver: Callable[[Part, Outcome | None], None]
    is_ours: Callable[["Run"], Awaitable[bool]]
    log: RunLog = field(init=False)
    panes: list[Pane] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log = RunLog(
            self.run_id,
            self.battle_id,
            restate=self.restate,
            is_ours=partial(self.is_ours, self),
            on_fenced=self.interrupt,
        )

    def so_far(self, part: Part) -> Transcript:
        """What has arrived."""
        return next(pane.transcript for pane in self.panes if pane.part is part)

    def told(self, event: Event) -> None:
        """Note that a response's end is known: from now on it is part of what is restated."""
        if isinstance(event, EndEvent):
            for pane in self.panes:
                if (pane.part.slot, pane.part.turn) == (event.slot, event.turn):
                    pane.told_end = event

    def restate(self) -> list[Event]:
        """Events from which a browser that knows nothing has everything so far."""
        return [event for pane in self.panes if pane.is_ours for event in pane.restate()]

    def keep(self, response_ids: Collection[int]) -> bool:
        """Of its responses only these are still the run's. False if that ends it.

        One that has ended may have been asked again since: nothing more is said of it.
        """
        for pane in self.panes:
            pane.is_ours = pane.part.response_id in response_ids
        return any(pane.is_ours for pane in self.panes) and all(pane.is_ours or pane.task.done() for pane in self.panes)

    def stop(self) -> None:
        for pane in self.panes:
            pane.end(pane.transcript.stopped)

    def interrupt(self) -> None:
        for pane in self.panes:
            pane.end(lambda: _raise(Interrupted()))


def _raise(error: Exception) -> Never:
    raise error
