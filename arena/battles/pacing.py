"""When the text of a turn is shown: evenly or together, so that nobody's speed can be seen. No Django here.

Each response of a run has a lane. What its contestant has written arrives there, and is shown when the run's pacer says
so: up to the same number of characters in every lane. Only what is shown goes into the log; an end is told once all
text before it is shown. So what readers can measure is the pace of all, and the length of each text.

`EvenPacer` moves one clock, counted in characters, at a steady speed:

- nothing is shown before every contestant has written something, or has ended;
- the speed is a little less than that of the slowest contestant that still writes, so that its text gathers before the
  clock: neither its pauses nor the pieces its server sends it in are seen. If it pauses for longer, all stand still;
- once one text has been shown to its end, the speed stays as it is. Whoever goes on alone would else give away that it
  could go faster, or that it was the one the others had been waiting for.

`TogetherPacer` shows everything once all have ended. A stop keeps as much of each text as of all others.
"""

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from math import exp, inf

from arena.battles.event_log import joined
from arena.battles.events import (
    ANSWER,
    REASONING,
    Event,
    NamedItself,
    ProgressMade,
    ResponseRelabelled,
    ResponseSnapshot,
    ResponseWaiting,
    TextDelta,
)
from arena.growing_text import GrowingText

TICK_S = 0.1
# A contestant is listened to before the first text is shown, until its speed is known: for so long, until it has
# written so much in so many pieces, but no longer than that.
LISTEN_MIN_S, LISTEN_CHARS, LISTEN_PIECES, LISTEN_MAX_S = 3.0, 120, 8, 6.0
# Of the slowest contestant's speed. The rest gathers, and hides its pauses.
MARGIN = 0.8
# Of the speed, once the first text has been shown to its end: whoever writes on has nobody else to stand still with.
MARGIN_AFTERWARDS = 0.85
# A text that comes in large pieces is at least drained within this time.
DRAIN_S = 60.0
# The clock gets no closer to the slowest text than what is shown in this time, however slow that makes it.
CLOSE_S = 0.5
# Faster than anybody reads, and than most write.
CHARS_PER_S_MAX = 500.0
# Once nobody writes any more, the rest is shown within this time, however slow the pace was.
PATIENCE_S = 20 * 60.0
# A speed that is about right is left alone: a steady one tells nothing.
SLOWER, FASTER = 0.85, 1.15
# What is believed of a speed before it was measured: as if it had been seen for this long.
USUAL_CHARS_PER_S, BELIEVED_S = 80.0, 0.5
# Small pieces are joined up to this size, larger ones are cut, so that neither costs much to hold or to take from.
PIECE_MIN, PIECE_MAX = 512, 4096

Piece = tuple[str, str]  # reasoning or answer, text


class Lane:
    """What has arrived of a response, and what of that is shown."""

    def __init__(self, slot: str, turn: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.slot = slot
        self.turn = turn
        self.chars = 0  # that have arrived
        self.shown = 0
        self.is_ended = False  # nothing more arrives
        self.is_told = False  # that it has ended
        self.is_cut = False  # what is not shown never will be
        self._clock = clock
        self._begun_at: float | None = None
        self._heard_at = 0.0
        self._first_chars = 0
        self._pieces = 0
        self._named: list[Event] = []  # that it has named itself, once that is told
        self._held: deque[Piece | Event] = deque()
        self._reasoning = GrowingText()
        self._answer = GrowingText()
        self._reasoning_chars = 0

    @property
    def has_begun(self) -> bool:
        return self._begun_at is not None or self.is_ended

    @property
    def is_over(self) -> bool:
        """It has ended, and all that will ever be shown is."""
        return self.is_ended and not self._held

    @property
    def lengths_shown(self) -> tuple[int, int]:
        """Characters of the reasoning and of the answer."""
        return self._reasoning_chars, self.shown - self._reasoning_chars

    def is_known(self, now: float) -> bool:
        """Whether its speed can be told."""
        if self.is_ended or self._begun_at is None:
            return self.is_ended
        has_said_enough = self.chars >= LISTEN_CHARS and self._pieces >= LISTEN_PIECES
        return now - self._begun_at >= (LISTEN_MIN_S if has_said_enough else LISTEN_MAX_S)

    def chars_per_s(self, now: float) -> float:
        """Since its first piece, which may be large: who thinks in silence often begins so.

        A silence counts once it is longer than they usually are between two pieces.
        """
        if self._begun_at is None:
            return inf if self.is_ended else 0.0
        written_s = self._heard_at - self._begun_at
        if self.is_ended and written_s < BELIEVED_S:
            return inf
        if not self.is_ended:
            usual_gap_s = written_s / max(1, self._pieces - 1)
            written_s += max(0.0, now - self._heard_at - usual_gap_s)
        believed = USUAL_CHARS_PER_S * BELIEVED_S
        return (self.chars - self._first_chars + believed) / (written_s + BELIEVED_S)

    def take(self, event: Event) -> None:
        """Something has arrived. Why nothing does is told of nobody: the reasons differ."""
        match event:
            case TextDelta(part=part, text=text):
                self._take_text(part, text)
            case ResponseSnapshot():
                self._take_whole(event)
            case ResponseRelabelled() if not self.shown:
                self._hold_as_reasoning()
            case ResponseWaiting():
                pass
            case _:
                self._held.append(event)

    def end(self) -> None:
        self.is_ended = True

    def show(self, chars: int) -> list[Event]:
        """Show the text up to this many characters, and what comes before the next one."""
        events: list[Event] = []
        while self._held:
            held = self._held[0]
            if not isinstance(held, tuple):
                events.append(self._shown(self._held.popleft()))
            elif self.shown < chars:
                events.append(self._show_piece(*held, chars - self.shown))
            else:
                break
        return joined(events)  # where pieces met tells how they came

    def rest(self) -> list[Event]:
        return self.show(self.chars)

    def cut(self) -> list[Event]:
        """No more text is shown; but what is shown as an answer may have turned out to be reasoning."""
        if self.shown == self.chars:
            return self.rest()
        self.is_cut = True
        told = [self._shown(held) for held in self._held if isinstance(held, ResponseRelabelled)]
        self._held.clear()
        return told

    def snapshot(self, status: str = "streaming") -> ResponseSnapshot:
        """What is shown."""
        return ResponseSnapshot(self.slot, self.turn, str(self._reasoning), str(self._answer), status)

    def restated(self, status: str) -> list[Event]:
        """The same for those who know nothing."""
        return [*self._named, self.snapshot(status)]

    def _take_text(self, part: str, text: str) -> None:
        self._heard_at = self._clock()
        self._pieces += 1
        if self._begun_at is None and text:
            self._begun_at, self._first_chars = self._heard_at, len(text)
        self.chars += len(text)
        latest = self._held[-1] if self._held else None
        if isinstance(latest, tuple) and latest[0] == part and len(latest[1]) < PIECE_MIN:
            text = latest[1] + text
            self._held.pop()
        for start in range(0, len(text), PIECE_MAX):
            self._held.append((part, text[start : start + PIECE_MAX]))

    def _take_whole(self, snapshot: ResponseSnapshot) -> None:
        """The text as a whole, not quite as it had come. What is shown stands if it is a beginning of it."""
        reasoning, answer = str(self._reasoning), str(self._answer)
        has_whole_reasoning = not answer or reasoning == snapshot.reasoning
        fits = snapshot.reasoning.startswith(reasoning) and snapshot.answer.startswith(answer) and has_whole_reasoning
        if not fits:
            self._held.append(snapshot)
            return
        others = [held for held in self._held if not isinstance(held, tuple | ResponseRelabelled)]
        self._held.clear()
        self.chars = self.shown
        self._take_text(REASONING, snapshot.reasoning[len(reasoning) :])
        self._take_text(ANSWER, snapshot.answer[len(answer) :])
        self._held.extend(others)

    def _hold_as_reasoning(self) -> None:
        """Nobody need see that it looked like an answer at first."""
        held, self._held = self._held, deque()
        self.chars = 0
        for piece in held:
            if isinstance(piece, tuple):
                self._take_text(REASONING, piece[1])
            else:
                self._held.append(piece)

    def _show_piece(self, part: str, text: str, room: int) -> TextDelta:
        self._held.popleft()
        text, later = text[:room], text[room:]
        if later:
            self._held.appendleft((part, later))
        self.shown += len(text)
        if part == REASONING:
            self._reasoning.append(text)
            self._reasoning_chars += len(text)
        else:
            self._answer.append(text)
        return TextDelta(self.slot, self.turn, part, text)  # type: ignore[arg-type]  # one of the two constants

    def _shown(self, event: Piece | Event) -> Event:
        """Keep in mind what an event that stood between pieces makes of the text before it."""
        assert not isinstance(event, tuple)
        if isinstance(event, ResponseRelabelled):
            self._replace(f"{self._reasoning}{self._answer}", "")
        elif isinstance(event, ResponseSnapshot):
            self._replace(event.reasoning, event.answer)
        elif isinstance(event, NamedItself):
            self._named = [event]
        return event

    def _replace(self, reasoning: str, answer: str) -> None:
        self._reasoning, self._answer = GrowingText(reasoning), GrowingText(answer)
        self._reasoning_chars = len(reasoning)
        self.chars += len(reasoning) + len(answer) - self.shown
        self.shown = len(reasoning) + len(answer)


class Pacer(ABC):
    """Shows the lanes of one run, in the order of their slots. Call `advance()` every TICK_S or so."""

    def __init__(self, lanes: Sequence[Lane], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._lanes = sorted(lanes, key=lambda lane: (lane.turn, lane.slot))
        self._clock = clock
        self._is_stopped = False
        self._progress: ProgressMade | None = None

    @property
    @abstractmethod
    def has_begun(self) -> bool:
        """From now on texts are shown, and ends are told: of those, too, that have none."""

    @property
    def is_done(self) -> bool:
        return all(lane.is_told for lane in self._lanes)

    @property
    def is_written(self) -> bool:
        """Nobody writes any more."""
        return all(lane.is_ended for lane in self._lanes)

    def advance(self) -> tuple[list[Event], list[Lane]]:
        """What is to be told now, and the lanes that are shown to their ends with it."""
        if self._is_stopped:
            return self._end_all() if self.is_written else ([], [])
        events = [*self._news_of_progress(), *self._show()]
        return events, self._newly_over()

    def restate(self) -> list[Event]:
        """For those who know nothing."""
        return [] if self._progress is None else [self._progress]

    def stop(self) -> None:
        """The end of all is told once the last stream is closed: in one moment."""
        self._is_stopped = True

    def _end_all(self) -> tuple[list[Event], list[Lane]]:
        events = [event for lane in self._lanes if not lane.is_told for event in lane.cut()]
        return events, self._newly_over()

    def _newly_over(self) -> list[Lane]:
        if not self.has_begun:
            return []
        over = [lane for lane in self._lanes if lane.is_over and not lane.is_told]
        for lane in over:
            lane.is_told = True
        return over

    def _show_up_to(self, chars: int) -> list[Event]:
        return [event for lane in self._lanes if not lane.is_told for event in lane.show(chars)]

    def _news_of_progress(self) -> list[Event]:
        """How many are how far, and never who."""
        progress = self._present_progress()
        if progress == self._progress or not self._lanes:
            return []
        self._progress = progress
        return [progress]

    def _count(self, *, tells_done: bool) -> ProgressMade:
        thinking = sum(not lane.has_begun for lane in self._lanes)
        done = sum(lane.is_ended for lane in self._lanes) if tells_done else 0
        return ProgressMade(self._lanes[0].turn, thinking, len(self._lanes) - thinking - done, done)

    @abstractmethod
    def _present_progress(self) -> ProgressMade:
        """As far as it may be told."""

    @abstractmethod
    def _show(self) -> list[Event]:
        """What is to be shown now."""


class EvenPacer(Pacer):
    """All at one pace."""

    def __init__(self, lanes: Sequence[Lane], *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(lanes, clock=clock)
        self._position = 0.0
        self._speed = 0.0
        self._moved_at: float | None = None
        self._is_settled = False
        self._paces: dict[Lane, float] = {}  # characters a second; of those that have ended, as it was then

    @property
    def has_begun(self) -> bool:
        return self._moved_at is not None or self._is_stopped

    def _present_progress(self) -> ProgressMade:
        """That one has ended says something as soon as another is shown to its end: it is not told."""
        return self._count(tells_done=False)

    def _show(self) -> list[Event]:
        now = self._clock()
        if self._moved_at is None:
            if not all(lane.is_known(now) for lane in self._lanes):
                return []
            self._moved_at = now
            self._paces = {lane: MARGIN * lane.chars_per_s(now) for lane in self._lanes}
        elapsed, self._moved_at = now - self._moved_at, now
        self._choose_speed(now)
        self._position += self._step(elapsed)
        return self._show_up_to(int(self._position))

    def _choose_speed(self, now: float) -> None:
        if self._is_settled:
            return
        if any(lane.is_told and lane.chars for lane in self._lanes):
            self._is_settled = True
            self._speed *= MARGIN_AFTERWARDS
            return
        for lane in self._lanes:
            if not lane.is_ended:
                steady = MARGIN * lane.chars_per_s(now)
                self._paces[lane] = max(steady, (lane.chars - self._position) / DRAIN_S)
        wanted = min(CHARS_PER_S_MAX, *self._paces.values())
        if not SLOWER * self._speed <= wanted <= FASTER * self._speed:
            self._speed = wanted

    def _step(self, elapsed: float) -> float:
        """In characters. The same for all lanes: where one has nothing more yet, all wait."""
        writing = [lane.chars for lane in self._lanes if not lane.is_ended]
        if writing:
            ahead = max(0.0, min(writing) - self._position)
            return min(self._speed * elapsed, ahead * (1 - exp(-elapsed / CLOSE_S)))
        left = max(lane.chars for lane in self._lanes) - self._position
        self._speed = max(self._speed, left / PATIENCE_S)
        return self._speed * elapsed


class TogetherPacer(Pacer):
    """Everything at once, when all have ended."""

    @property
    def has_begun(self) -> bool:
        return self.is_written

    def _present_progress(self) -> ProgressMade:
        return self._count(tells_done=True)

    def _show(self) -> list[Event]:
        return self._show_up_to(max(lane.chars for lane in self._lanes)) if self.is_written else []

    def stop(self) -> None:
        """Of each as much as there is of everybody's text: its length must not tell who was the fastest. All of it
        where nobody writes any more."""
        super().stop()
        longest = max(lane.chars for lane in self._lanes)
        self._common = min((lane.chars for lane in self._lanes if not lane.is_ended), default=longest)

    def _end_all(self) -> tuple[list[Event], list[Lane]]:
        shown = self._show_up_to(self._common)
        cut, over = super()._end_all()
        return [*shown, *cut], over


PACERS: dict[str, type[Pacer]] = {"even": EvenPacer, "together": TogetherPacer}
