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
from arena.battles.pacing import PACERS, Lane, Pacer
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


@dataclass(frozen=True, slots=True)
class Ended:
    """A part has ended, and is shown as it is; without an outcome it was cut off."""

    part: Part
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class Kept:
    """A paced part has ended. It is to be saved, and shown to nobody yet."""

    part: Part
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Shown:
    """Paced parts whose text is shown to its end, in one moment. With a part that was stopped goes what was shown of
    it: reasoning and answer."""

    parts: tuple[tuple[Part, tuple[str, str] | None], ...]


News = Ended | Kept | Shown


@dataclass(eq=False)
class Pane:
    """A part while it plays. Where its run is paced, its text waits in a lane."""

    part: Part
    transcript: Transcript
    task: asyncio.Task[Outcome]
    lane: Lane | None = None
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
        if self.told_end is not None:
            return [*self._restated(self.told_end.type), self.told_end]
        return self.transcript.restated() if self.lane is None else self._restated("streaming")

    def cut(self) -> tuple[str, str] | None:
        """What is shown of it, if that is not all there is."""
        if self.lane is None or not self.lane.is_cut:
            return None
        reasoning, answer = self.lane.lengths_shown
        return self.transcript.up_to(reasoning, answer)

    def _restated(self, status: str) -> list[Event]:
        if self.lane is not None:
            return self.lane.restated(status)
        return [*self.transcript.restated_name(), self.transcript.snapshot(status)]


@dataclass(eq=False)
class Run:
    """Some responses of one battle, played by this worker. `deliver` gets the news of each, in a thread-safe way.

    `is_ours` asks whether the run was given up for dead, and has `keep` know.
    """

    run_id: str
    battle_id: UUID
    deliver: Callable[[News], None]
    is_ours: Callable[["Run"], Awaitable[bool]]
    pacing: str = "live"
    log: RunLog = field(init=False)
    panes: list[Pane] = field(default_factory=list)
    pacer: Pacer | None = None

    def __post_init__(self) -> None:
        self.log = RunLog(
            self.run_id,
            self.battle_id,
            restate=self.restate,
            is_ours=partial(self.is_ours, self),
            on_fenced=self.interrupt,
        )

    @property
    def is_live(self) -> bool:
        return self.pacing not in PACERS

    def begin_pacing(self) -> None:
        """Once all panes are there."""
        lanes = [pane.lane for pane in self.panes if pane.lane is not None]
        if lanes:
            self.pacer = PACERS[self.pacing](lanes)

    def so_far(self, part: Part) -> Transcript:
        """What has arrived."""
        return next(pane.transcript for pane in self.panes if pane.part is part)

    def telling(self, event: Event) -> list[Event]:
        """What there is to tell with this event: before an end, the text that is not shown yet.

        From now on the end is part of what is restated.
        """
        if not isinstance(event, EndEvent):
            return [event]
        rest: list[Event] = []
        for pane in self.panes:
            if (pane.part.slot, pane.part.turn) == (event.slot, event.turn):
                pane.told_end = event
                rest = pane.lane.rest() if pane.lane is not None else []
        return [*rest, event]

    def restate(self) -> list[Event]:
        """Events from which a browser that knows nothing has everything so far."""
        panes = [event for pane in self.panes if pane.is_ours for event in pane.restate()]
        return [*panes, *(self.pacer.restate() if self.pacer is not None else [])]

    def show(self) -> list[Event]:
        """What it is time to show by now."""
        if self.pacer is None:
            return []
        events, over = self.pacer.advance()
        shown = [pane for pane in self.panes if pane.lane in over]
        if shown:
            self.deliver(Shown(tuple((pane.part, pane.cut()) for pane in shown)))
        return events

    def keep(self, response_ids: Collection[int]) -> bool:
        """Of its responses only these are still the run's. False if that ends it.

        One that has ended may have been asked again since: nothing more is said of it.
        """
        for pane in self.panes:
            pane.is_ours = pane.part.response_id in response_ids
        return any(pane.is_ours for pane in self.panes) and all(pane.is_ours or pane.task.done() for pane in self.panes)

    def stop(self) -> None:
        if self.pacer is not None:
            self.pacer.stop()
        for pane in self.panes:
            pane.end(pane.transcript.stopped)

    def interrupt(self) -> None:
        """What has ended and is not shown yet goes with the rest, unless there is no rest: then it is all shown now."""
        for pane in self.panes:
            pane.end(lambda: _raise(Interrupted()))
        pacer, self.pacer = self.pacer, None
        if pacer is None:
            return
        waiting = [pane for pane in self.panes if pane.lane and pane.lane.is_ended and not pane.lane.is_told]
        if pacer.is_written:
            self.deliver(Shown(tuple((pane.part, pane.cut()) for pane in waiting)))
        else:
            for pane in waiting:
                self.deliver(Ended(pane.part, None))


def _raise(error: Exception) -> Never:
    raise error
