"""Playing waiting responses on a real loop and a real Redis, with scripted contestants in place of model servers."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, field

import httpx
import pytest
import redis
from django.conf import LazySettings, settings

from arena.battles import runs, tasks
from arena.battles.event_log import STOP_CHANNEL, LogState
from arena.battles.leases import SWEPT, lease_key
from arena.battles.models import Battle, Response, ResponseStatus, Turn
from arena.battles.orphans import log_state
from arena.battles.worker_loop import WorkerLoop
from arena.contestants.deltas import (
    AnswerDelta,
    Delta,
    Finish,
    FinishReason,
    ReasoningDelta,
    Usage,
    Waiting,
    WaitReason,
)
from arena.contestants.errors import KeyMissing, RateLimited, Truncated
from arena.contestants.models import Contestant
from arena.contestants.providers.call import Call, Message
from tests.factories import make_battle, make_contestant
from tests.live import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

LIMIT_S = 60.0


@dataclass
class Scripted:
    """Contestants that say what a test wants; by slug."""

    scripts: dict[str, Callable[[], AsyncGenerator[Delta, None]]] = field(default_factory=dict)
    asked: list[tuple[str, tuple[Message, ...]]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    speaking: threading.Event = field(default_factory=threading.Event)

    def call_for(self, contestant: Contestant, messages: tuple[Message, ...], *, simulator_url: str = "") -> Call:
        if contestant.slug == "keyless":
            raise KeyMissing("SOME_KEY is not set")
        return Call(base_url="", model=contestant.slug, messages=messages)

    def provider_for(self, name: str) -> Callable[[httpx.AsyncClient, Call], AsyncGenerator[Delta, None]]:
        return self.stream

    async def stream(self, client: httpx.AsyncClient, call: Call) -> AsyncGenerator[Delta, None]:
        self.asked.append((call.model, call.messages))
        try:
            async for delta in self.scripts.get(call.model, four)():
                self.speaking.set()
                yield delta
        finally:
            self.closed.append(call.model)


async def four() -> AsyncGenerator[Delta, None]:
    yield ReasoningDelta("2 + 2 ")
    yield ReasoningDelta("is four")
    yield AnswerDelta("4")
    yield Finish(FinishReason.STOP, "2 + 2 is four", "4", raw="<think>2 + 2 is four</think>4")


async def endless() -> AsyncGenerator[Delta, None]:
    yield ReasoningDelta("Hm. ")
    await asyncio.Event().wait()


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    made = Scripted()
    monkeypatch.setattr(runs, "call_for", made.call_for)
    monkeypatch.setattr(runs, "provider_for", made.provider_for)
    return made


@pytest.fixture
def client() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.REDIS_URL) as made:
        yield made


def state_of(client: redis.Redis, battle: Battle) -> LogState:
    return log_state(client, battle.pk)


def responses_of(battle: Battle) -> list[Response]:
    return list(Response.objects.filter(turn__battle=battle).order_by("turn__index", "seat__slot"))


def playing(battle: Battle, client: redis.Redis) -> threading.Thread:
    thread = threading.Thread(target=runs.play_waiting, args=(battle.pk, client))
    thread.start()
    return thread


def test_every_waiting_response_is_played_and_saved(scripted: Scripted, client: redis.Redis) -> None:
    battle = make_battle(3)
    runs.play_waiting(battle.pk, client)
    assert [(made.status, made.reasoning, made.answer) for made in responses_of(battle)] == [
        ("finished", "2 + 2 is four", "4")
    ] * 3
    battle.refresh_from_db()
    assert (battle.status, battle.finished_at is not None) == ("finished", True)


def test_counts_that_came_before_a_failure_are_paid_for(scripted: Scripted, client: redis.Redis) -> None:
    async def cut() -> AsyncGenerator[Delta, None]:
        yield Usage(1_234, 5_678)
        yield ReasoningDelta("I")
        raise Truncated("cut")

    dear = make_contestant(price_in_usd_per_mtok=15.0, price_out_usd_per_mtok=60.0)
    battle = make_battle(contestants=[dear, make_contestant()])
    scripted.scripts[dear.slug] = cut
    runs.play_waiting(battle.pk, client)
    failed, finished = responses_of(battle)
    assert (failed.status, failed.output_tokens, failed.cost_usd) == ("failed", 5_678, pytest.approx(0.35919))
    assert (finished.status, finished.output_tokens, finished.cost_usd) == ("finished", None, None)


def test_log_and_database_hold_the_same_texts(scripted: Scripted, client: redis.Redis) -> None:
    battle = make_battle()
    runs.play_waiting(battle.pk, client)
    logged = state_of(client, battle).responses
    for response in responses_of(battle):
        text = logged[0, response.seat.slot]
        assert (text.status, text.reasoning, text.answer) == ("finished", response.reasoning, response.answer)


def test_battle_enqueued_twice_is_played_once(scripted: Scripted, client: redis.Redis) -> None:
    battle = make_battle()
    runs.play_waiting(battle.pk, client)
    runs.play_waiting(battle.pk, client)
    assert len(scripted.asked) == 2


def test_failing_contestant_leaves_the_others_alone(scripted: Scripted, client: redis.Redis) -> None:
    async def busy() -> AsyncGenerator[Delta, None]:
        yield ReasoningDelta("I")
        raise RateLimited("429 from somewhere")

    scripted.scripts["busy"] = busy
    battle = make_battle(contestants=[make_contestant("busy"), make_contestant("keyless"), make_contestant("fine")])
    runs.play_waiting(battle.pk, client)
    assert [(made.status, made.failure_code) for made in responses_of(battle)] == [
        ("failed", "busy"),
        ("failed", "key_missing"),
        ("finished", ""),
    ]
    assert state_of(client, battle).responses[0, "A"].failure == ("busy", RateLimited.message)


def test_fault_of_ours_ends_the_response_with_a_sentence(scripted: Scripted, client: redis.Redis) -> None:
    async def broken() -> AsyncGenerator[Delta, None]:
        yield ReasoningDelta("I")
        raise ZeroDivisionError

    scripted.scripts["broken"] = broken
    battle = make_battle(contestants=[make_contestant("broken"), make_contestant("fine")])
    runs.play_waiting(battle.pk, client)
    first, second = responses_of(battle)
    assert (first.status, first.reasoning, second.status) == ("failed", "I", "finished")
    assert "went wrong" in first.failure_message


def test_stop_closes_the_streams_and_keeps_the_text(scripted: Scripted, client: redis.Redis) -> None:
    scripted.scripts["endless"] = endless
    battle = make_battle(contestants=[make_contestant("endless"), make_contestant("fine")])
    thread = playing(battle, client)
    assert scripted.speaking.wait(LIMIT_S)
    give_up_at = time.monotonic() + LIMIT_S
    while thread.is_alive() and time.monotonic() < give_up_at:
        client.publish(STOP_CHANNEL, responses_of(battle)[0].run)
        thread.join(0.05)
    first, second = responses_of(battle)
    assert (first.status, first.reasoning, first.is_truncated) == ("stopped", "Hm. ", True)
    assert "endless" in scripted.closed


def test_silence_past_the_limit_is_a_failure(
    scripted: Scripted, client: redis.Redis, settings: pytest.FixtureRequest
) -> None:
    settings.ARENA_SILENCE_TIMEOUT_S = 0.1  # type: ignore[attr-defined]
    scripted.scripts["endless"] = endless
    battle = make_battle(contestants=[make_contestant("endless"), make_contestant("fine")])
    runs.play_waiting(battle.pk, client)
    assert [(made.status, made.failure_code) for made in responses_of(battle)][0] == ("failed", "silent")


def test_follow_up_carries_the_conversation_but_not_the_reasoning(scripted: Scripted, client: redis.Redis) -> None:
    battle = make_battle()
    battle.system = "Be brief."
    battle.save()
    runs.play_waiting(battle.pk, client)
    turn = Turn.objects.create(battle=battle, index=1, prompt="In base 3?")
    Response.objects.bulk_create(Response(turn=turn, seat=seat) for seat in battle.seats.all())
    runs.play_waiting(battle.pk, client)
    assert scripted.asked[-1][1] == (
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is 2 + 2?"},
        {"role": "assistant", "content": "4"},
        {"role": "user", "content": "In base 3?"},
    )


def test_unanswered_turn_is_joined_with_the_next_prompt() -> None:
    battle = make_battle()
    Response.objects.filter(turn__battle=battle).update(status=ResponseStatus.FAILED)
    turn = Turn.objects.create(battle=battle, index=1, prompt="In base 3?")
    response = Response.objects.create(turn=turn, seat=battle.seats.all()[0])
    assert runs.messages_for(response) == ({"role": "user", "content": "What is 2 + 2?\n\nIn base 3?"},)


def test_lost_log_is_written_anew_while_the_run_lives(scripted: Scripted, client: redis.Redis) -> None:
    gate = threading.Event()

    async def gated() -> AsyncGenerator[Delta, None]:
        yield ReasoningDelta("before ")
        await asyncio.to_thread(gate.wait, LIMIT_S)
        yield ReasoningDelta("after")
        yield Finish(FinishReason.STOP, "before after", "", raw="")

    scripted.scripts["gated"] = gated
    battle = make_battle(contestants=[make_contestant("gated"), make_contestant("fine")])
    thread = playing(battle, client)
    assert scripted.speaking.wait(LIMIT_S)
    client.flushall()  # as a Redis that comes back without its memory
    gate.set()
    thread.join(LIMIT_S)
    assert not thread.is_alive()
    texts = state_of(client, battle).responses
    assert {(text.status, text.reasoning, text.answer) for text in texts.values()} == {
        ("finished", "before after", ""),
        ("finished", "2 + 2 is four", "4"),
    }


def test_reason_for_silence_is_told_and_told_again_to_a_log_that_was_lost(
    scripted: Scripted, client: redis.Redis
) -> None:
    gate = threading.Event()

    async def slow() -> AsyncGenerator[Delta, None]:
        yield Waiting(WaitReason.LOADING)
        await asyncio.to_thread(gate.wait, LIMIT_S)
        async for delta in four():
            yield delta

    def why() -> str:
        logged = state_of(client, battle).responses.get((0, "A"))
        return logged.why if logged else ""

    scripted.scripts["slow"] = slow
    battle = make_battle(1, contestants=[make_contestant("slow")])
    thread = playing(battle, client)
    wait_until(lambda: why() == "loading", "the reason in the log", limit_s=LIMIT_S)
    client.flushall()  # as a Redis that comes back without its memory
    wait_until(lambda: why() == "loading", "the reason in the log that was written anew", limit_s=LIMIT_S)
    gate.set()
    thread.join(LIMIT_S)
    assert not thread.is_alive()
    assert (why(), state_of(client, battle).responses[0, "A"].status) == ("", "finished")


@pytest.fixture
def leaving(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop of its own: it does not take runs afterwards."""
    monkeypatch.setattr(WorkerLoop, "_instance", None)
    monkeypatch.setattr(WorkerLoop, "is_leaving", False)


def has_handed_over(battle: Battle, client: redis.Redis) -> tuple[threading.Thread, list[bool]]:
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(runs.play_waiting(battle.pk, client)))
    thread.start()
    return thread, results


@pytest.mark.usefixtures("leaving")
def test_leaving_worker_hands_over_what_does_not_end_in_time(scripted: Scripted, client: redis.Redis) -> None:
    scripted.scripts["endless"] = scripted.scripts["endless-too"] = endless
    here = make_contestant("endless", simulated=True)
    battle = make_battle(contestants=[here, make_contestant("endless-too")])
    thread, results = has_handed_over(battle, client)
    assert scripted.speaking.wait(LIMIT_S)
    wait_until(lambda: len(state_of(client, battle).responses) == 2, "both", limit_s=LIMIT_S)
    WorkerLoop.leave(0.1)
    thread.join(LIMIT_S)
    assert not thread.is_alive()
    free, dear = responses_of(battle)
    assert (free.status, free.attempt, free.run) == ("waiting", 2, "")
    assert (dear.status, dear.failure_code, dear.reasoning) == ("failed", "interrupted", "Hm. ")
    assert results == [True], "another worker is to be told"
    assert sorted(scripted.closed) == ["endless", "endless-too"]


@pytest.mark.usefixtures("leaving")
def test_leaving_worker_lets_what_it_plays_end(scripted: Scripted, client: redis.Redis) -> None:
    gate = threading.Event()

    async def gated() -> AsyncGenerator[Delta, None]:
        yield ReasoningDelta("before ")
        await asyncio.to_thread(gate.wait, LIMIT_S)
        yield Finish(FinishReason.STOP, "before after", "", raw="")

    scripted.scripts["gated"] = gated
    battle = make_battle(1, contestants=[make_contestant("gated")])
    thread, results = has_handed_over(battle, client)
    assert scripted.speaking.wait(LIMIT_S)
    WorkerLoop.leave(LIMIT_S)
    gate.set()
    thread.join(LIMIT_S)
    assert ([made.status for made in responses_of(battle)], results) == (["finished"], [False])


@pytest.mark.usefixtures("leaving")
def test_second_request_to_leave_ends_the_grace(scripted: Scripted, client: redis.Redis) -> None:
    scripted.scripts["endless"] = endless
    battle = make_battle(1, contestants=[make_contestant("endless", simulated=True)])
    thread, results = has_handed_over(battle, client)
    assert scripted.speaking.wait(LIMIT_S)
    WorkerLoop.leave(100 * LIMIT_S)
    WorkerLoop.leave(100 * LIMIT_S)
    thread.join(LIMIT_S)
    assert ([made.status for made in responses_of(battle)], results) == (["waiting"], [True])


@pytest.mark.usefixtures("leaving")
def test_loop_that_begins_in_a_leaving_worker_knows_it(
    scripted: Scripted, client: redis.Redis, settings: LazySettings
) -> None:
    settings.ARENA_STOP_GRACE_S = 0.1
    scripted.scripts["endless"] = endless
    battle = make_battle(1, contestants=[make_contestant("endless", simulated=True)])
    WorkerLoop.leave(0.1)
    assert runs.play_waiting(battle.pk, client) is True
    assert {made.status for made in responses_of(battle)} == {"waiting"}


@pytest.mark.usefixtures("leaving")
def test_leaving_worker_puts_back_what_it_has_not_begun(
    scripted: Scripted, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_back: list[object] = []
    monkeypatch.setattr(tasks, "_enqueue", put_back.append)
    battle = make_battle()
    WorkerLoop.leave(LIMIT_S)
    tasks.play(str(battle.pk))
    assert (put_back, scripted.asked) == ([str(battle.pk)], [])
    assert {made.status for made in responses_of(battle)} == {"waiting"}


def is_logged(client: redis.Redis, battle: Battle) -> bool:
    return any(text.has_text for text in state_of(client, battle).responses.values())


def test_end_saved_by_a_run_that_was_taken_for_dead_is_told(scripted: Scripted, client: redis.Redis) -> None:
    """The worker was paused. When it goes on its lease is swept, and it saves before the sweep has come to the rows."""
    gate = threading.Event()

    async def gated() -> AsyncGenerator[Delta, None]:
        yield ReasoningDelta("before ")
        await asyncio.to_thread(gate.wait, LIMIT_S)
        yield AnswerDelta("after")
        yield Finish(FinishReason.STOP, "before ", "after", raw="")

    scripted.scripts["gated"] = gated
    battle = make_battle(1, contestants=[make_contestant("gated")])
    thread = playing(battle, client)
    assert scripted.speaking.wait(LIMIT_S)
    wait_until(lambda: is_logged(client, battle), "the first text in the log", limit_s=LIMIT_S)
    client.set(lease_key(responses_of(battle)[0].run), SWEPT)
    gate.set()
    thread.join(LIMIT_S)
    (saved,) = responses_of(battle)
    logged = state_of(client, battle).responses[0, "A"]
    assert saved.status in {"finished", "failed"}
    assert (logged.status, logged.reasoning, logged.answer) == (saved.status, saved.reasoning, saved.answer)
    assert client.get(lease_key(saved.run)) == SWEPT.encode(), "the mark outlives the run"
