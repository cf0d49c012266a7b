"""What happens when the arena's own parts break: a response ends, a task begins again, nobody is left hanging."""

import asyncio
import logging
import threading
import uuid
from collections.abc import AsyncGenerator, Mapping
from uuid import UUID

import pytest
import redis
from django.db import DataError, InterfaceError, OperationalError

from arena.battles import runs
from arena.battles.events import Event, TextDelta
from arena.battles.leases import SWEPT, lease_key
from arena.battles.log_writer import LogWriter, RunLog
from arena.battles.models import Battle, Response, ResponseStatus
from arena.battles.streaming import Outcome
from arena.contestants.deltas import Delta, ReasoningDelta
from tests.battles.test_orphans import Watch
from tests.battles.test_runs import LIMIT_S, Scripted, client, responses_of, scripted, state_of
from tests.factories import make_battle, make_contestant

__all__ = ["client", "scripted"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=[DataError("a value the database does not take"), OverflowError("too large to convert")])
def only_empty_texts_can_be_saved(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    ended_fields = runs._ended_fields

    def refuse(outcome: Outcome, *arguments: object) -> dict[str, object]:
        if outcome.reasoning or outcome.answer:
            raise request.param
        return ended_fields(outcome, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(runs, "_ended_fields", refuse)


@pytest.mark.usefixtures("only_empty_texts_can_be_saved")
def test_response_that_cannot_be_saved_fails_and_the_battle_ends(scripted: Scripted, client: redis.Redis) -> None:
    battle = make_battle(2)
    runs.play_waiting(battle.pk, client)
    assert [(made.status, made.failure_code, made.answer) for made in responses_of(battle)] == [
        ("failed", "failed", "")
    ] * 2
    battle.refresh_from_db()
    assert battle.status == "finished"
    assert {text.status for text in state_of(client, battle).responses.values()} == {"failed"}


@pytest.mark.usefixtures("only_empty_texts_can_be_saved")
def test_sweep_goes_on_after_a_response_that_cannot_be_saved(client: redis.Redis) -> None:
    dear = make_contestant(price_in_usd_per_mtok=1.0, price_out_usd_per_mtok=1.0)
    battles = [make_battle(contestants=[dear]) for _ in range(2)]
    for battle in battles:
        runs.publish(client, battle.pk, [TextDelta("A", 0, "a", "some text")])
        Response.objects.filter(turn__battle=battle).update(status=ResponseStatus.STREAMING, run=uuid.uuid4().hex)
    Watch(client).look_patiently()
    assert set(Battle.objects.values_list("status", flat=True)) == {"finished"}


def test_response_is_saved_with_the_end_of_its_battle_or_not_at_all(
    scripted: Scripted, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish_locked = runs.finish_locked
    refusals = [OperationalError("the database went away for a moment")]

    def refuse_once(battle_id: UUID) -> None:
        if refusals:
            raise refusals.pop()
        finish_locked(battle_id)

    monkeypatch.setattr(runs, "finish_locked", refuse_once)
    battle = make_battle(2)
    runs.play_waiting(battle.pk, client)
    battle.refresh_from_db()
    assert battle.status == "finished"
    assert {text.status for text in state_of(client, battle).responses.values()} == {"finished"}


def test_response_is_saved_however_long_the_database_was_away(
    scripted: Scripted, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_outcome, refusals = runs.save_outcome, list[int]()

    def refuse(response: Response, outcome: Outcome, *, may_be_last: bool) -> Event | None:
        if len(refusals) < 200:
            refusals.append(response.pk)
            raise InterfaceError("connection already closed")
        return save_outcome(response, outcome, may_be_last=may_be_last)

    monkeypatch.setattr(runs, "save_outcome", refuse)
    monkeypatch.setattr(runs, "SAVE_AGAIN_MAX_S", 0.001)
    battle = make_battle(2)
    runs.play_waiting(battle.pk, client)
    assert [(made.status, made.answer) for made in responses_of(battle)] == [("finished", "4")] * 2
    assert {text.status for text in state_of(client, battle).responses.values()} == {"finished"}


def test_end_is_told_though_the_connection_was_lost_while_it_was_saved(
    scripted: Scripted, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_outcome, unheard = runs.save_outcome, set[int]()

    def lose_the_answer_once(response: Response, outcome: Outcome, *, may_be_last: bool) -> Event | None:
        event = save_outcome(response, outcome, may_be_last=may_be_last)
        if response.pk not in unheard:
            unheard.add(response.pk)
            raise OperationalError("server closed the connection unexpectedly")
        return event

    monkeypatch.setattr(runs, "save_outcome", lose_the_answer_once)
    battle = make_battle(2)
    runs.play_waiting(battle.pk, client)
    assert {made.status for made in responses_of(battle)} == {"finished"}
    assert {text.status for text in state_of(client, battle).responses.values()} == {"finished"}


def test_stream_that_somebody_else_cancels_ends_its_response(scripted: Scripted, client: redis.Redis) -> None:
    """As a library does that gives one waiter's cancellation to all."""

    async def cancelled() -> AsyncGenerator[Delta, None]:
        yield ReasoningDelta("Hm. ")
        raise asyncio.CancelledError

    dear = make_contestant(price_in_usd_per_mtok=1.0, price_out_usd_per_mtok=1.0)
    scripted.scripts[dear.slug] = cancelled
    battle = make_battle(contestants=[dear, make_contestant()])
    playing = threading.Thread(target=runs.play_waiting, args=(battle.pk, client), daemon=True)
    playing.start()
    playing.join(LIMIT_S)
    first, second = responses_of(battle)
    assert (first.status, first.failure_code, first.reasoning) == ("failed", "interrupted", "Hm. ")
    assert second.status == "finished"


def test_run_that_breaks_lets_go_of_its_lease(
    scripted: Scripted, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(runs, "_ended", broken)
    battle = make_battle(2)
    with pytest.raises(MemoryError):
        runs.play_waiting(battle.pk, client)
    monkeypatch.undo()
    run_id = Response.objects.filter(turn__battle=battle).values_list("run", flat=True)[0]
    assert client.get(lease_key(run_id)) is None
    Watch(client).look_patiently()
    assert client.get(lease_key(run_id)) == SWEPT.encode()
    assert not Response.objects.filter(run=run_id, status=ResponseStatus.STREAMING).exists()


def test_log_writer_that_breaks_begins_again(
    scripted: Scripted, client: redis.Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    flush = LogWriter._flush
    has_broken = threading.Event()

    async def break_once(writer: LogWriter, waiting: Mapping[str, RunLog]) -> None:
        if not has_broken.is_set():
            has_broken.set()
            raise RuntimeError("a fault of ours")
        await flush(writer, waiting)

    monkeypatch.setattr(LogWriter, "_flush", break_once)
    battle = make_battle(2)
    playing = threading.Thread(target=runs.play_waiting, args=(battle.pk, client))
    with caplog.at_level(logging.ERROR, "arena.battles.worker_loop"):
        playing.start()
        playing.join(LIMIT_S)
    assert not playing.is_alive()
    assert "LogWriter.work broke" in caplog.text
    assert {text.answer for text in state_of(client, battle).responses.values()} == {"4"}
