"""From a contestant's deltas to a battle's events, and to what is saved when the response has ended."""

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from arena.battles.disguise import Disguise, NamedAt
from arena.battles.events import (
    ANSWER,
    REASONING,
    Event,
    ResponseFailed,
    ResponseFinished,
    ResponseRelabelled,
    ResponseSnapshot,
    ResponseStopped,
    ResponseWaiting,
    TextDelta,
)
from arena.contestants.deltas import AnswerDelta, Delta, Finish, FinishReason, ReasoningDelta, Relabel, Usage, Waiting
from arena.contestants.errors import TooLarge, Truncated
from arena.contestants.identity.lexicon import Lexicon
from arena.growing_text import GrowingText

# Code and message of what is nobody's fault but ours.
BROKEN = ("failed", "Something went wrong in the arena itself.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a response ended, with everything that had arrived. Times in ms since the first request: what a voter had to
    wait because a server was busy and had to be asked again is not hidden. `tries`: how often it was asked."""

    status: str  # finished | failed | stopped
    reasoning: str
    answer: str
    raw: str
    usage: Usage
    first_token_ms: int | None
    duration_ms: int | None
    is_truncated: bool = False
    is_split_inferred: bool = False
    failure_code: str = ""
    failure_message: str = ""
    tries: int = 1
    named_at: tuple[NamedAt, ...] = ()  # where it names itself


class Transcript:
    """The text of a response as it grows. With `names` it is told in disguise: those that give its writer away are
    masked, and what may turn out to be one waits a little."""

    def __init__(
        self,
        slot: str,
        turn: int,
        *,
        max_chars: int,
        names: Lexicon | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.slot = slot
        self.turn = turn
        self.usage = Usage()
        self.finish: Finish | None = None
        self.why = ""  # the reason for its silence before the first text, if one is known
        self.tries = 0
        self._clock = clock
        self._started_at = self._heard_at = clock()
        self._first_token_at: float | None = None
        self._max_chars = max_chars
        self._chars = 0
        self._reasoning = GrowingText()
        self._answer = GrowingText()
        self._disguise = Disguise(names) if names else None
        # What readers are told instead of an event, in order.
        self.told: Callable[[Event], Sequence[Event]] = self._disguise.told if self._disguise else _as_it_is

    @property
    def reasoning(self) -> str:
        return self.finish.reasoning if self.finish else str(self._reasoning)

    @property
    def answer(self) -> str:
        return self.finish.answer if self.finish else str(self._answer)

    @property
    def elapsed_s(self) -> float:
        return self._clock() - self._started_at

    @property
    def silent_s(self) -> float:
        """Since its last word, or since the start."""
        return self._clock() - self._heard_at

    @property
    def has_text(self) -> bool:
        return bool(self._reasoning or self._answer)

    @property
    def chars(self) -> int:
        """How many have arrived."""
        return self._chars

    def apply(self, delta: Delta) -> Event | None:
        """Take in a delta; the event that tells of it, if any. Raises TooLarge."""
        if isinstance(delta, Waiting):  # not a word from the contestant
            return self._wait(delta.reason or "")
        self._heard_at = self._clock()
        match delta:
            case ReasoningDelta(text):
                return self._append(self._reasoning, REASONING, text)
            case AnswerDelta(text):
                return self._append(self._answer, ANSWER, text)
            case Relabel():
                self._reasoning, self._answer = GrowingText(f"{self._reasoning}{self._answer}"), GrowingText()
                return ResponseRelabelled(self.slot, self.turn)
            case Usage():
                self.usage = delta
                return None
            case Finish():
                arrived = (str(self._reasoning), str(self._answer))
                self.finish = delta
                return None if arrived == (delta.reasoning, delta.answer) else self._whole()

    def rest(self) -> Sequence[Event]:
        """What was not told yet because it might have become a name: nothing more comes."""
        return () if self._disguise is None else self._disguise.rest(self.slot, self.turn)

    def snapshot(self, status: str = "streaming") -> ResponseSnapshot:
        """As readers may see it."""
        texts = (self.reasoning, self.answer)
        reasoning, answer = texts if self._disguise is None else self._disguise.shown(*texts)
        return ResponseSnapshot(self.slot, self.turn, reasoning, answer, status)

    def restated(self) -> list[Event]:
        """Everything so far, for those who know nothing."""
        waiting = [ResponseWaiting(self.slot, self.turn, self.why)] if self.why else []
        return [*self.restated_name(), self.snapshot(), *waiting]

    def restated_name(self) -> list[Event]:
        return [] if self._disguise is None else list(self._disguise.news(self.slot, self.turn))

    def up_to(self, reasoning: int, answer: int) -> tuple[str, str]:
        """The true texts behind so many characters of those that are shown."""
        if self._disguise is not None:
            reasoning, answer = self._disguise.lengths_behind(reasoning, answer)
        return self.reasoning[:reasoning], self.answer[:answer]

    def outcome(self) -> Outcome:
        """The outcome of a stream that came to its own end. Raises Truncated for one without its terminal mark."""
        finish = self.finish
        if finish is None:
            raise Truncated("the stream ended without a Finish")
        raw = finish.raw if finish.raw != finish.answer else ""
        return self._outcome(
            "finished",
            raw=raw,
            is_truncated=finish.reason == FinishReason.LENGTH,
            is_split_inferred=finish.is_split_inferred,
        )

    def failed(self, code: str, message: str) -> Outcome:
        return self._outcome("failed", is_truncated=self.has_text, failure_code=code, failure_message=message)

    def stopped(self) -> Outcome:
        return self._outcome("stopped", is_truncated=self.has_text)

    def _whole(self) -> ResponseSnapshot:
        if self._disguise is not None:
            self._disguise.replace(self.reasoning, self.answer)
        return self.snapshot()

    def _wait(self, why: str) -> ResponseWaiting | None:
        """Told when it changes, and only before the first text."""
        if why == self.why or self.has_text:
            return None
        self.why = why
        return ResponseWaiting(self.slot, self.turn, why)

    def _append(self, grown: GrowingText, part: str, text: str) -> TextDelta:
        if self._first_token_at is None:
            self._first_token_at = self._heard_at
            self.why = ""
        self._chars += len(text)
        if self._chars > self._max_chars:
            raise TooLarge(f"more than {self._max_chars} characters")
        grown.append(text)
        return TextDelta(self.slot, self.turn, part, text)  # type: ignore[arg-type]  # one of the two constants

    def _outcome(
        self,
        status: str,
        *,
        raw: str = "",
        is_truncated: bool = False,
        is_split_inferred: bool = False,
        failure_code: str = "",
        failure_message: str = "",
    ) -> Outcome:
        first = self._first_token_at
        return Outcome(
            status=status,
            reasoning=self.reasoning,
            answer=self.answer,
            raw=raw,
            usage=self.usage,
            first_token_ms=None if first is None else round((first - self._started_at) * 1000),
            duration_ms=round((self._clock() - self._started_at) * 1000),
            is_truncated=is_truncated,
            is_split_inferred=is_split_inferred,
            failure_code=failure_code,
            failure_message=failure_message,
            tries=self.tries,
            named_at=() if self._disguise is None else self._disguise.named_at,
        )


def _as_it_is(event: Event) -> Sequence[Event]:
    return (event,)


async def play(
    transcript: Transcript,
    open_stream: Callable[[], AsyncGenerator[Delta, None]],
    emit: Callable[[Event, bool], None],
) -> Outcome:
    """Walk the deltas to their end. `emit(event, is_first_text)` is called in order, of what readers may know.

    Raises ProviderError; what had arrived is in the transcript. Cancelling closes the stream.
    """
    async with aclosing(open_stream()) as deltas:
        async for delta in deltas:
            had_text = transcript.has_text
            event = transcript.apply(delta)
            if event is not None:
                for told in transcript.told(event):
                    emit(told, not had_text)
    for told in transcript.rest():
        emit(told, False)
    return transcript.outcome()


def end_event(slot: str, turn: int, outcome: Outcome) -> Event:
    match outcome.status:
        case "finished":
            return ResponseFinished(slot, turn)
        case "stopped":
            return ResponseStopped(slot, turn)
    return ResponseFailed(slot, turn, outcome.failure_code, outcome.failure_message)
