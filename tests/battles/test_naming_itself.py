"""A response that says who it is: masked on its way, remembered in its row, told once."""

from collections.abc import AsyncGenerator

import pytest
import redis

from arena.battles import runs
from arena.battles.blindness import still_named
from arena.battles.consumers import present_state
from arena.battles.event_log import LogState, publish, read_log
from arena.battles.events import Event, NamedItself, ResponseStarted, TextDelta
from arena.battles.models import Battle, Response, ResponseStatus
from arena.battles.pacing import Lane
from arena.battles.queries import blind_battle
from arena.battles.services import start_battle, stop_battle
from arena.battles.streaming import Outcome, Transcript, play
from arena.contestants.deltas import AnswerDelta, Delta, Finish, FinishReason, ReasoningDelta, Relabel
from arena.contestants.errors import Truncated
from arena.contestants.identity.lexicon import lexicon_of
from arena.contestants.identity.screen import MASK
from tests.battles.test_runs import Scripted, client, responses_of, scripted, state_of
from tests.factories import make_battle, make_contestant, make_voter

__all__ = ["client", "scripted"]

NAMED = {"type": "named_itself", "slot": "A", "turn": 0}


async def played(*script: Delta) -> tuple[Outcome, list[object], Transcript]:
    async def deltas() -> AsyncGenerator[Delta, None]:
        for item in script:
            yield item

    events: list[Event] = []
    transcript = Transcript("A", 0, max_chars=10_000, names=lexicon_of())
    outcome = await play(transcript, deltas, lambda event, is_first: events.append(event))
    return outcome, [event.wire() for event in events], transcript


def finish(reasoning: str, answer: str) -> Finish:
    return Finish(FinishReason.STOP, reasoning, answer, raw=answer)


async def test_the_name_is_masked_in_what_is_told_and_kept_in_what_is_saved() -> None:
    outcome, events, _ = await played(
        ReasoningDelta("I am Cl"),
        ReasoningDelta("aude. Now: 4."),
        AnswerDelta("4"),
        finish("I am Claude. Now: 4.", "4"),
    )
    assert events == [["A", 0, "r", "I am "], ["A", 0, "a", "4"], NAMED, ["A", 0, "r", f"{MASK}. Now: 4."]]
    assert (outcome.reasoning, outcome.named_at) == ("I am Claude. Now: 4.", (("r", 5, 11),))


async def test_it_is_told_once_however_often_it_names_itself() -> None:
    text = "I am Claude. Yes, my name is Claude, and Claude was trained by Anthropic. "
    outcome, events, _ = await played(AnswerDelta(text), AnswerDelta(text), finish("", text * 2))
    assert events.count(NAMED) == 1
    assert len(outcome.named_at) >= 6
    assert "Claude" not in str(events)


async def test_what_named_itself_in_its_reasoning_is_masked_in_its_answer() -> None:
    _, events, _ = await played(
        ReasoningDelta("I am Qwen. " + "So I think. " * 10), AnswerDelta("Qwen says 4."), finish("", "Qwen says 4.")
    )
    assert ["A", 0, "a", f"{MASK} says 4."] in events or "Qwen" not in str(events)


async def test_text_without_names_is_told_as_it_comes() -> None:
    _, events, _ = await played(ReasoningDelta("2 + "), ReasoningDelta("2"), AnswerDelta("4"), finish("2 + 2", "4"))
    assert events == [["A", 0, "r", "2 + "], ["A", 0, "r", "2"], ["A", 0, "a", "4"]]


async def test_what_was_held_back_is_told_before_an_answer_turns_out_to_be_reasoning() -> None:
    _, events, transcript = await played(
        AnswerDelta("Is it o"), Relabel(), ReasoningDelta("r not? "), AnswerDelta("A"), finish("Is it or not? ", "A")
    )
    told = LogState()
    told.apply(events)  # type: ignore[arg-type]  # as on the wire
    assert (told.responses[0, "A"].reasoning, told.responses[0, "A"].answer) == ("Is it or not? ", "A")
    assert transcript.snapshot().reasoning == "Is it or not? "


async def test_relabelled_text_stays_masked() -> None:
    script = (AnswerDelta("I am Claude, I count." + " One." * 30), Relabel(), AnswerDelta("4"))
    _, events, transcript = await played(*script, finish("I am Claude, I count." + " One." * 30, "4"))
    assert "Claude" not in str(events)
    assert transcript.snapshot().reasoning == f"I am {MASK}, I count." + " One." * 30


async def test_a_final_text_that_differs_is_masked_whole() -> None:
    _, events, _ = await played(AnswerDelta("<b>I am Claude.</b>"), finish("", "I am Claude."))
    snapshot = next(event for event in events if isinstance(event, dict) and event["type"] == "snapshot")
    assert snapshot["answer"] == f"I am {MASK}."
    assert NAMED in events


async def test_whoever_joins_is_shown_no_more_than_the_others() -> None:
    transcript = Transcript("A", 0, max_chars=1000, names=lexicon_of())
    for text in ("I am ", "Clau"):
        event = transcript.apply(AnswerDelta(text))
        assert event
        transcript.told(event)
    assert transcript.snapshot().answer == "I am "
    assert transcript.restated_name() == []
    assert [event.wire() for event in transcript.rest()] == [["A", 0, "a", "Clau"]]


async def test_a_cut_of_what_is_shown_is_a_cut_of_the_true_text() -> None:
    _, _, transcript = await played(ReasoningDelta("I am ChatGPT. One, two."), AnswerDelta("2"), finish("", "2"))
    whole = await played(ReasoningDelta("I am ChatGPT. One, two."), finish("I am ChatGPT. One, two.", ""))
    assert whole[2].up_to(len(f"I am {MASK}. One"), 0) == ("I am ChatGPT. One", "")
    assert transcript.up_to(0, 1) == ("", "2")


async def naming() -> AsyncGenerator[Delta, None]:
    yield ReasoningDelta("I am Zebra 7, and I add.\n\nSo it is four.")
    yield AnswerDelta("4")
    yield finish("I am Zebra 7, and I add.\n\nSo it is four.", "4")


async def cut_off() -> AsyncGenerator[Delta, None]:
    yield ReasoningDelta("I am Zebra")
    raise Truncated("cut")


@pytest.fixture
def zebra_battle() -> Battle:
    return make_battle(contestants=[make_contestant(slug="zebra", name="Zebra 7"), make_contestant(slug="other")])


@pytest.mark.django_db(transaction=True)
def test_log_row_page_and_late_joiners_agree(zebra_battle: Battle, scripted: Scripted, client: redis.Redis) -> None:
    scripted.scripts["zebra"] = naming
    runs.play_waiting(zebra_battle.pk, client)
    named, other = responses_of(zebra_battle)
    assert (named.named_itself, other.named_itself) == ([["r", 5, 12]], [])
    assert named.reasoning.startswith("I am Zebra 7")
    told = [event for _, events in read_log(client, zebra_battle.pk) for event in events]
    assert told.count(NAMED) == 1 and "Zebra" not in str(told)
    log = state_of(client, zebra_battle)
    blind = blind_battle(zebra_battle)
    shown = blind.turns[0].responses[0]
    assert shown.named_itself and log.responses[0, "A"].named_itself
    assert shown.reasoning == log.responses[0, "A"].reasoning == f"I am {MASK}, and I add.\n\nSo it is four."
    assert [shown.reasoning[start:end] for start, end in shown.steps] == [f"I am {MASK}, and I add.", "So it is four."]
    present = present_state(blind, LogState())
    assert NAMED in present and "Zebra" not in str(present)
    assert blind_battle(zebra_battle, is_masked=False).turns[0].responses[0].reasoning == named.reasoning


@pytest.mark.django_db(transaction=True)
def test_a_stream_that_is_cut_off_amid_a_name_is_masked_too(
    zebra_battle: Battle, scripted: Scripted, client: redis.Redis
) -> None:
    scripted.scripts["zebra"] = cut_off
    runs.play_waiting(zebra_battle.pk, client)
    failed = responses_of(zebra_battle)[0]
    assert (failed.status, failed.reasoning, failed.named_itself) == ("failed", "I am Zebra", [["r", 5, 10]])
    assert state_of(client, zebra_battle).responses[0, "A"].reasoning == f"I am {MASK}"


@pytest.mark.django_db(transaction=True)
def test_in_an_open_battle_nothing_is_masked(scripted: Scripted, client: redis.Redis) -> None:
    battle = make_battle(contestants=[make_contestant(slug="zebra", name="Zebra 7"), make_contestant()], blind=False)
    scripted.scripts["zebra"] = naming
    runs.play_waiting(battle.pk, client)
    assert responses_of(battle)[0].named_itself == []
    assert "Zebra 7" in state_of(client, battle).responses[0, "A"].reasoning


@pytest.mark.django_db(transaction=True)
def test_what_a_dead_worker_had_masked_stays_masked(zebra_battle: Battle, client: redis.Redis) -> None:
    Response.objects.filter(turn__battle=zebra_battle).update(status=ResponseStatus.STREAMING, run="dead")
    response = Response.objects.select_related("turn__battle", "seat__contestant").get(seat__slot="A")
    said = [ResponseStarted("A", 0), NamedItself("A", 0), TextDelta("A", 0, "r", f"I am {MASK}. It is")]
    publish(client, zebra_battle.pk, said)
    text = state_of(client, zebra_battle).responses[0, "A"]
    runs.interrupt(response, (text.reasoning, text.answer), is_log_lost=False)
    response.refresh_from_db()
    assert (response.reasoning, response.named_itself) == (f"I am {MASK}. It is", [["r", 5, 5 + len(MASK)]])


@pytest.mark.django_db
def test_a_question_for_the_identity_is_remembered() -> None:
    for _ in range(2):
        make_contestant()
    asked = start_battle(make_voter(), prompt="Who are you?")
    told_to = start_battle(make_voter(), prompt="What is 2 + 2?", system="Begin with your model name.")
    other = start_battle(make_voter(), prompt="What is 2 + 2?")
    assert [battle.turns.get().asks_for_identity for battle in (asked, told_to, other)] == [True, True, False]


def test_what_is_left_of_a_cut_text_stays_masked() -> None:
    named = [["r", 5, 11], ["r", 20, 26], ["a", 0, 6]]
    assert still_named(named, "I am Claude, and", "") == [["r", 5, 11]]
    assert still_named(named, f"I am {MASK}. It", "Claude") == [["r", 5, 5 + len(MASK)], ["a", 0, 6]]


def test_in_a_paced_battle_the_name_is_told_when_it_is_shown() -> None:
    lane = Lane("A", 0)
    for event in (TextDelta("A", 0, "r", "One two. "), NamedItself("A", 0), TextDelta("A", 0, "r", f"I am {MASK}.")):
        lane.take(event)
    lane.show(4)
    assert [event.wire() for event in lane.restated("streaming")][:-1] == []
    shown = lane.show(100)
    assert NAMED in [event.wire() for event in shown]
    named, snapshot = [event.wire() for event in lane.restated("streaming")]
    assert named == NAMED
    assert isinstance(snapshot, dict) and snapshot["reasoning"] == f"One two. I am {MASK}."


@pytest.mark.django_db
def test_what_was_kept_and_is_stopped_before_it_is_shown_named_nobody() -> None:
    voter = make_voter()
    battle = make_battle(voter=voter)
    Response.objects.filter(seat__slot="A").update(
        answer="I am Zebra.", named_itself=[["a", 5, 10]], is_truncated=True, ended_as="finished", attempt=2
    )
    stop_battle(battle, voter)
    first = blind_battle(battle).turns[0].responses[0]
    assert (first.answer, first.named_itself, first.is_truncated) == ("", False, False)
