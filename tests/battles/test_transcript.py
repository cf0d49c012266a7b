"""From scripted deltas to events, without network."""

from collections.abc import AsyncGenerator

import pytest

from arena.battles.events import Event
from arena.battles.streaming import Outcome, Transcript, end_event, play
from arena.contestants.deltas import (
    AnswerDelta,
    Delta,
    Finish,
    FinishReason,
    ReasoningDelta,
    Relabel,
    Usage,
    Waiting,
    WaitReason,
)
from arena.contestants.errors import ProviderError, RateLimited, Truncated


def finish(reasoning: str, answer: str, reason: FinishReason = FinishReason.STOP) -> Finish:
    return Finish(reason, reasoning, answer, raw=f"<think>{reasoning}</think>{answer}")


async def played(*script: Delta | ProviderError, max_chars: int = 1000) -> tuple[Outcome, list[object]]:
    async def deltas() -> AsyncGenerator[Delta, None]:
        for item in script:
            if isinstance(item, ProviderError):
                raise item
            yield item

    events: list[Event] = []
    transcript = Transcript("A", 0, max_chars=max_chars)
    try:
        outcome = await play(transcript, deltas, lambda event, is_first: events.append(event))
    except ProviderError as error:
        outcome = transcript.failed(error.code, error.sentence)
    return outcome, [event.wire() for event in events]


async def test_deltas_become_events_and_the_saved_text() -> None:
    outcome, events = await played(
        ReasoningDelta("2 + "), ReasoningDelta("2"), AnswerDelta("4"), Usage(3, 9, 7), finish("2 + 2", "4")
    )
    assert events == [["A", 0, "r", "2 + "], ["A", 0, "r", "2"], ["A", 0, "a", "4"]]
    assert (outcome.status, outcome.reasoning, outcome.answer) == ("finished", "2 + 2", "4")
    assert outcome.usage == Usage(3, 9, 7)
    assert end_event("A", 0, outcome).wire() == {"type": "finished", "slot": "A", "turn": 0}


async def test_final_text_that_differs_is_sent_whole() -> None:
    _, events = await played(AnswerDelta("reasoning **Final Answer** 4"), finish("reasoning", "**Final Answer** 4"))
    assert events[-1] == {
        "type": "snapshot",
        "slot": "A",
        "turn": 0,
        "reasoning": "reasoning",
        "answer": "**Final Answer** 4",
        "status": "streaming",
    }


async def test_late_closing_tag_relabels() -> None:
    outcome, events = await played(AnswerDelta("hmm"), Relabel(), AnswerDelta("4"), finish("hmm", "4"))
    assert {"type": "relabel", "slot": "A", "turn": 0} in events
    assert (outcome.reasoning, outcome.answer) == ("hmm", "4")


async def test_failure_keeps_what_had_arrived() -> None:
    outcome, _ = await played(ReasoningDelta("first"), Truncated("cut after 5 bytes"))
    assert (outcome.status, outcome.reasoning, outcome.is_truncated) == ("failed", "first", True)
    assert (outcome.failure_code, outcome.failure_message) == (Truncated.code, Truncated.message)


async def test_failure_before_any_text_is_not_called_truncated() -> None:
    outcome, _ = await played(RateLimited("429"))
    assert (outcome.status, outcome.is_truncated, outcome.first_token_ms) == ("failed", False, None)


async def test_stream_without_a_terminal_mark_is_truncated() -> None:
    outcome, _ = await played(AnswerDelta("4"))
    assert (outcome.status, outcome.failure_code) == ("failed", "truncated")


async def test_token_limit_is_a_truncated_finish() -> None:
    outcome, _ = await played(ReasoningDelta("so"), finish("so", "", FinishReason.LENGTH))
    assert (outcome.status, outcome.is_truncated) == ("finished", True)


async def test_too_much_text_ends_the_response() -> None:
    outcome, _ = await played(AnswerDelta("x" * 60), AnswerDelta("y" * 60), max_chars=100)
    assert (outcome.status, outcome.failure_code, outcome.answer) == ("failed", "too_large", "x" * 60)


@pytest.mark.parametrize("first", [1.5, None])
async def test_times_are_measured_from_the_request(first: float | None) -> None:
    now = 100.0
    transcript = Transcript("A", 0, max_chars=100, clock=lambda: now)
    if first is not None:
        now += first
        transcript.apply(AnswerDelta("x"))
    now = 104.0
    outcome = transcript.stopped()
    assert (outcome.first_token_ms, outcome.duration_ms) == (None if first is None else 1500, 4000)


def waiting(why: str) -> dict[str, object]:
    return {"type": "waiting", "slot": "A", "turn": 0, "why": why}


async def test_reason_for_silence_is_told_when_it_changes_and_before_the_first_text_only() -> None:
    loading = Waiting(WaitReason.LOADING)
    script = [Waiting(None), loading, loading, Waiting(WaitReason.QUEUED), Waiting(None), AnswerDelta("4"), loading]
    outcome, events = await played(*script, finish("", "4"))
    assert events == [waiting("loading"), waiting("queued"), waiting(""), ["A", 0, "a", "4"]]
    assert outcome.status == "finished"


def test_those_who_know_nothing_are_told_the_reason_for_silence_while_there_is_one() -> None:
    transcript = Transcript("A", 0, max_chars=10)
    transcript.apply(Waiting(WaitReason.RETRYING))
    assert [event.wire() for event in transcript.restated()][1:] == [waiting("retrying")]
    transcript.apply(ReasoningDelta("2"))
    assert len(transcript.restated()) == 1


def test_reason_for_silence_is_not_a_word_from_the_contestant() -> None:
    now = 100.0
    transcript = Transcript("A", 0, max_chars=10, clock=lambda: now)
    now = 107.0
    transcript.apply(Waiting(WaitReason.LOADING))
    assert transcript.silent_s == 7.0
    transcript.apply(AnswerDelta("4"))
    assert transcript.silent_s == 0.0
