"""Battles that are not shown live, on a real loop and a real Redis: what is saved, and what anybody can read when."""

import asyncio
import threading
from collections.abc import AsyncGenerator

import pytest
import redis
from django.conf import LazySettings

from arena.battles import doors, runs
from arena.battles.event_log import publish, read_log
from arena.battles.events import ResponseStarted, Wire
from arena.battles.leases import OPEN_RUNS, SWEPT, lease_key
from arena.battles.models import Battle, Pacing, Response, ResponseStatus
from arena.battles.orphans import running
from arena.battles.queries import BlindResponse, blind_battle, edition_of
from arena.battles.services import retry_response, start_battle
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
from arena.contestants.errors import RateLimited
from arena.contestants.models import Contestant
from tests.battles.test_orphans import Watch
from tests.battles.test_runs import LIMIT_S, Scripted, client, leaving, playing, responses_of, scripted, state_of
from tests.factories import make_battle, make_contestant, make_voter
from tests.live import wait_until

__all__ = ["client", "leaving", "scripted"]

pytestmark = pytest.mark.django_db(transaction=True)

LONG = "So it goes on and on. " * 12
QUICK_USAGE = Usage(10, 500)


class Gate:
    """A contestant that says a little, and the rest when it is let through."""

    def __init__(self, scripted: Scripted, slug: str = "slow", *, text: str = LONG) -> None:
        self.text = text
        self.opened = threading.Event()
        self.has_begun = threading.Event()
        scripted.scripts[slug] = self.speak

    async def speak(self) -> AsyncGenerator[Delta, None]:
        yield Waiting(WaitReason.LOADING)
        yield ReasoningDelta(self.text[:150])
        self.has_begun.set()
        await asyncio.to_thread(self.opened.wait, LIMIT_S)
        yield ReasoningDelta(self.text[150:])
        yield AnswerDelta("4")
        yield Finish(FinishReason.STOP, self.text, "4", raw=f"<think>{self.text}</think>4")


async def quick() -> AsyncGenerator[Delta, None]:
    yield ReasoningDelta(LONG)
    yield QUICK_USAGE
    yield AnswerDelta("5")
    yield Finish(FinishReason.STOP, LONG, "5", raw=f"<think>{LONG}</think>5")


def paced(pacing: str, *contestants: Contestant) -> Battle:
    battle = make_battle(contestants=contestants)
    Battle.objects.filter(pk=battle.pk).update(pacing=pacing)
    battle.refresh_from_db()
    return battle


def slow_and_quick(pacing: str, scripted: Scripted) -> tuple[Battle, Gate]:
    scripted.scripts["quick"] = quick
    dear = make_contestant("quick", price_in_usd_per_mtok=15.0, price_out_usd_per_mtok=60.0)
    return paced(pacing, make_contestant("slow", simulated=True), dear), Gate(scripted)


def is_kept(battle: Battle) -> bool:
    """Its quick one is done and saved, for nobody to see."""
    return Response.objects.filter(turn__battle=battle, ended_as="finished").exists()


def events_of(client: redis.Redis, battle: Battle) -> list[list[Wire]]:
    """Of each log entry."""
    return [events for _, events in read_log(client, battle.pk)]


def seen(battle: Battle) -> list[BlindResponse]:
    battle.refresh_from_db()
    return list(blind_battle(battle).turns[0].responses)


def ended(thread: threading.Thread) -> None:
    thread.join(LIMIT_S)
    assert not thread.is_alive()


@pytest.mark.parametrize("pacing", [Pacing.EVEN, Pacing.TOGETHER])
def test_what_is_done_is_kept_and_shown_to_nobody_while_another_thinks(
    scripted: Scripted, client: redis.Redis, pacing: str
) -> None:
    battle, gate = slow_and_quick(pacing, scripted)
    thread = playing(battle, client)
    wait_until(lambda: is_kept(battle), "the quick one", limit_s=LIMIT_S)
    kept = responses_of(battle)[1]
    assert (kept.status, kept.reasoning, kept.output_tokens, kept.cost_usd) == (
        "streaming",
        LONG,
        500,
        pytest.approx(0.03015),
    )
    for response in seen(battle):
        assert (response.status, response.reasoning, response.answer, response.steps) == ("streaming", "", "", ())
    assert (edition_of(battle.pk), battle.status) == ("", "running")
    assert {text.status for text in state_of(client, battle).responses.values()} == {"streaming"}
    assert all(not text.answer for text in state_of(client, battle).responses.values())
    gate.opened.set()
    ended(thread)
    assert [(made.status, made.reasoning, made.answer) for made in seen(battle)] == [
        ("finished", LONG, "4"),
        ("finished", LONG, "5"),
    ]
    assert battle.status == "finished"
    logged = state_of(client, battle).responses
    assert [(text.status, text.reasoning, text.answer) for text in logged.values()] == [
        ("finished", LONG, "4"),
        ("finished", LONG, "5"),
    ]


@pytest.mark.parametrize("pacing", [Pacing.EVEN, Pacing.TOGETHER])
def test_log_grows_by_as_much_of_each_and_tells_no_reason_for_silence(
    scripted: Scripted, client: redis.Redis, pacing: str
) -> None:
    battle, gate = slow_and_quick(pacing, scripted)
    gate.opened.set()
    runs.play_waiting(battle.pk, client)
    lengths = {"A": 0, "B": 0}
    for events in events_of(client, battle):
        for event in events:
            if isinstance(event, list):
                lengths[str(event[0])] += len(str(event[3]))
        assert lengths["A"] == lengths["B"]
    kinds = [event["type"] for events in events_of(client, battle) for event in events if isinstance(event, dict)]
    assert "waiting" not in kinds
    assert kinds[:2] == ["started", "started"]
    assert kinds[-2:] == ["finished", "finished"]


def test_together_is_told_in_one_moment(scripted: Scripted, client: redis.Redis) -> None:
    battle, gate = slow_and_quick(Pacing.TOGETHER, scripted)
    gate.opened.set()
    runs.play_waiting(battle.pk, client)
    with_text = [events for events in events_of(client, battle) if any(isinstance(event, list) for event in events)]
    assert [event[:3] for event in with_text[0] if isinstance(event, list)] == [
        ["A", 0, "r"],
        ["A", 0, "a"],
        ["B", 0, "r"],
        ["B", 0, "a"],
    ]
    assert len(with_text) == 1
    last = [event for event in events_of(client, battle)[-1] if isinstance(event, dict)]
    ends = [(event["type"], event["slot"]) for event in last if event["type"] != "progress"]
    assert ends == [("finished", "A"), ("finished", "B")]


def test_failure_is_told_when_the_others_are_shown(scripted: Scripted, client: redis.Redis) -> None:
    async def busy() -> AsyncGenerator[Delta, None]:
        raise RateLimited("429 from somewhere")
        yield Waiting(None)

    scripted.scripts["busy"] = busy
    gate = Gate(scripted)
    battle = paced(Pacing.EVEN, make_contestant("busy"), make_contestant("slow"), make_contestant("keyless"))
    thread = playing(battle, client)
    wait_until(lambda: Response.objects.filter(ended_as="failed").count() == 2, "both failures", limit_s=LIMIT_S)
    assert gate.has_begun.wait(LIMIT_S)
    assert {made.status for made in seen(battle)} == {"streaming"}
    assert [made.failure for made in seen(battle)] == [None] * 3
    gate.opened.set()
    ended(thread)
    assert [(made.status, made.failure.code if made.failure else "") for made in seen(battle)] == [
        ("failed", "busy"),
        ("finished", ""),
        ("failed", "key_missing"),
    ]
    assert state_of(client, battle).responses[0, "A"].failure == ("busy", RateLimited.message)


@pytest.mark.parametrize("pacing", [Pacing.EVEN, Pacing.TOGETHER])
def test_stop_keeps_as_much_of_each_as_was_shown(scripted: Scripted, client: redis.Redis, pacing: str) -> None:
    voter = make_voter()
    battle, gate = slow_and_quick(pacing, scripted)
    Battle.objects.filter(pk=battle.pk).update(started_by=voter)
    battle.refresh_from_db()
    thread = playing(battle, client)
    wait_until(lambda: is_kept(battle) and gate.has_begun.is_set(), "both at work", limit_s=LIMIT_S)
    doors.halt(battle, voter)
    ended(thread)
    gate.opened.set()
    slow, fast = responses_of(battle)
    assert [made.status for made in (slow, fast)] == ["stopped", "stopped"]
    assert len(slow.reasoning) == len(fast.reasoning) == (0 if pacing == Pacing.EVEN else 150)
    assert fast.raw.endswith("</think>5"), "what was paid for is not thrown away"
    assert (fast.cost_usd, fast.answer) == (pytest.approx(0.03015), "")
    logged = state_of(client, battle).responses
    assert [(text.status, text.reasoning) for text in logged.values()] == [
        ("stopped", slow.reasoning),
        ("stopped", fast.reasoning),
    ]
    assert battle.status == "running"
    battle.refresh_from_db()
    assert battle.status == "finished"


def test_text_that_was_kept_is_not_asked_for_again_when_its_worker_leaves(
    scripted: Scripted, client: redis.Redis, leaving: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    battle, gate = slow_and_quick(Pacing.TOGETHER, scripted)
    thread = playing(battle, client)
    wait_until(lambda: is_kept(battle) and gate.has_begun.is_set(), "both at work", limit_s=LIMIT_S)
    WorkerLoop.leave(0.0)
    ended(thread)
    slow, fast = responses_of(battle)
    assert [(made.status, made.run) for made in (slow, fast)] == [("waiting", ""), ("waiting", "")]
    assert [made.reasoning for made in seen(battle)] == ["", ""]
    monkeypatch.setattr(WorkerLoop, "_instance", None)
    monkeypatch.setattr(WorkerLoop, "is_leaving", False)
    gate.opened.set()
    runs.play_waiting(battle.pk, client)
    slow, fast = responses_of(battle)
    assert [(made.status, made.answer, made.ended_as) for made in (slow, fast)] == [
        ("finished", "4", ""),
        ("finished", "5", ""),
    ]
    assert (fast.output_tokens, fast.cost_usd) == (500, pytest.approx(0.03015))
    assert [name for name, _ in scripted.asked].count("quick") == 1
    assert [text.answer for text in state_of(client, battle).responses.values()] == ["4", "5"]


def test_worker_that_leaves_when_all_is_written_shows_it(
    scripted: Scripted, client: redis.Redis, leaving: None
) -> None:
    battle = paced(Pacing.EVEN, make_contestant("quick"), make_contestant("quick-too"))
    scripted.scripts["quick"] = scripted.scripts["quick-too"] = quick
    thread = playing(battle, client)
    wait_until(lambda: Response.objects.filter(ended_as="finished").count() == 2, "both", limit_s=LIMIT_S)
    WorkerLoop.leave(0.0)
    ended(thread)
    assert [(made.status, made.answer) for made in seen(battle)] == [("finished", "5")] * 2
    assert [text.reasoning for text in state_of(client, battle).responses.values()] == [LONG] * 2


def test_text_that_was_kept_survives_its_worker(scripted: Scripted, client: redis.Redis) -> None:
    battle, gate = slow_and_quick(Pacing.TOGETHER, scripted)
    thread = playing(battle, client)
    wait_until(lambda: is_kept(battle) and gate.has_begun.is_set(), "both at work", limit_s=LIMIT_S)
    client.set(lease_key(responses_of(battle)[0].run), SWEPT)  # as if it had been killed
    ended(thread)
    watch = Watch(client)
    watch.look_patiently()
    assert {made.status for made in responses_of(battle)} == {ResponseStatus.WAITING}
    gate.opened.set()
    runs.play_waiting(battle.pk, client)
    assert [(made.status, made.answer) for made in seen(battle)] == [("finished", "4"), ("finished", "5")]
    assert [name for name, _ in scripted.asked].count("quick") == 1


@pytest.mark.parametrize(
    ("pacing", "status"), [(Pacing.LIVE, "waiting"), (Pacing.EVEN, "failed"), (Pacing.TOGETHER, "failed")]
)
def test_dear_one_that_may_have_written_unseen_is_not_paid_twice(pacing: str, status: str, client: redis.Redis) -> None:
    prices = {"price_in_usd_per_mtok": 15.0, "price_out_usd_per_mtok": 60.0}
    battle = paced(pacing, make_contestant("dear", **prices), make_contestant("dear-too", **prices))
    Response.objects.update(status=ResponseStatus.STREAMING, run=f"of-a-dead-worker-{pacing}")
    publish(client, battle.pk, [ResponseStarted("A", 0), ResponseStarted("B", 0)])
    client.sadd(OPEN_RUNS, f"of-a-dead-worker-{pacing}")
    watch = Watch(client)
    watch.look_patiently()
    assert [made.status for made in responses_of(battle)] == [status] * 2


def test_stop_before_another_worker_shows_what_was_kept_ends_it_without_text(
    scripted: Scripted, client: redis.Redis
) -> None:
    voter = make_voter()
    battle = make_battle(voter=voter)
    Response.objects.filter(seat__slot="A").update(reasoning="Two and two", answer="4", ended_as="finished", attempt=2)
    doors.halt(battle, voter)
    first, _ = responses_of(battle)
    assert (first.status, first.reasoning, first.answer, first.ended_as) == ("stopped", "", "", "")
    assert first.raw == "Two and two4"


def test_retried_response_forgets_what_was_kept() -> None:
    voter = make_voter()
    battle = make_battle(voter=voter)
    Response.objects.filter(turn__battle=battle).update(status=ResponseStatus.FAILED)
    retry_response(battle, voter, slot="A")
    assert {made.ended_as for made in responses_of(battle)} == {""}


def test_lost_log_is_written_anew_as_far_as_it_was_shown(scripted: Scripted, client: redis.Redis) -> None:
    battle, gate = slow_and_quick(Pacing.TOGETHER, scripted)
    thread = playing(battle, client)
    wait_until(lambda: is_kept(battle) and gate.has_begun.is_set(), "both at work", limit_s=LIMIT_S)
    client.flushall()  # as a Redis that comes back without its memory
    wait_until(lambda: len(state_of(client, battle).responses) == 2, "the log anew", limit_s=LIMIT_S)
    assert {text.reasoning for text in state_of(client, battle).responses.values()} == {""}
    gate.opened.set()
    ended(thread)
    assert [text.answer for text in state_of(client, battle).responses.values()] == ["4", "5"]


def test_blind_battles_are_shown_as_the_arena_is_set_and_open_ones_live(settings: LazySettings) -> None:
    for slug in ("ada", "bob"):
        make_contestant(slug)
    for usual in Pacing.values:
        settings.ARENA_PACING = usual
        assert start_battle(make_voter(), prompt="Why?").pacing == usual
        assert start_battle(make_voter(), prompt="Why?", blind=False).pacing == Pacing.LIVE
        assert start_battle(make_voter(), prompt="Why?", blind=False, pacing="together").pacing == Pacing.TOGETHER
    assert not running().playing
