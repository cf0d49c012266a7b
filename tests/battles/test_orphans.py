"""Taking over what nobody plays, on a real Redis; the sweeper's clock is the test's own."""

import math
import uuid
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
import redis
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.utils import timezone

from arena.battles import runs, workers
from arena.battles.event_log import STOP_CHANNEL, log_key, publish
from arena.battles.events import ResponseFailed, ResponseFinished, ResponseStarted, TextDelta
from arena.battles.leases import OPEN_RUNS, SWEPT, SWEPT_S, TAKE_OVER_S, lease_key
from arena.battles.models import Battle, BattleStatus, Response, ResponseStatus
from arena.battles.orphans import (
    COUNTED_S,
    ENQUEUE_AGAIN_S,
    OPEN_EVERY_LOOKS,
    PATIENCE_S,
    WAITING_GRACE_S,
    Sweeper,
    is_held,
)
from arena.battles.workers import dead_neighbours
from tests.battles.test_runs import Scripted, client, responses_of, scripted, state_of
from tests.factories import make_battle, make_contestant, make_finished_battle

__all__ = ["client", "scripted"]

pytestmark = pytest.mark.django_db(transaction=True)


class Watch:
    """A sweeper, and what it has enqueued."""

    def __init__(self, client: redis.Redis) -> None:
        self.now = 1_000.0
        self.enqueued: list[UUID] = []
        self.sweeper = Sweeper(client, self.enqueued.append, clock=lambda: self.now)

    def look(self, after_s: float = 0.0) -> None:
        self.now += after_s
        self.sweeper.look()

    def look_patiently(self) -> None:
        """For as long as it takes to be sure."""
        for _ in range(1 + math.ceil(PATIENCE_S / COUNTED_S)):
            self.look(COUNTED_S)


@pytest.fixture
def watch(client: redis.Redis) -> Watch:
    return Watch(client)


def orphan(battle: Battle, client: redis.Redis, *, run_id: str = "") -> Response:
    """As a killed worker leaves it: streaming in the database and in the log, and no lease."""
    run_id = run_id or uuid.uuid4().hex
    Response.objects.filter(turn__battle=battle).update(status=ResponseStatus.STREAMING, run=run_id)
    for response in responses_of(battle):
        publish(client, battle.pk, [ResponseStarted(response.seat.slot, 0)])
    return responses_of(battle)[0]


def statuses(battle: Battle) -> set[str]:
    return {made.status for made in responses_of(battle)}


def test_orphan_without_text_is_played_again(scripted: Scripted, client: redis.Redis, watch: Watch) -> None:
    battle = make_battle()
    orphan(battle, client)
    watch.look_patiently()
    assert (statuses(battle), watch.enqueued) == ({"waiting"}, [battle.pk])
    runs.play_waiting(battle.pk, client)
    assert statuses(battle) == {"finished"}
    assert {text.answer for text in state_of(client, battle).responses.values()} == {"4"}


def test_orphan_that_would_cost_twice_ends_as_interrupted_with_its_text(client: redis.Redis, watch: Watch) -> None:
    battle = make_battle()
    orphan(battle, client)
    publish(client, battle.pk, [TextDelta("A", 0, "r", "Half a tho")])
    watch.look_patiently()
    first, second = responses_of(battle)
    assert (first.status, first.failure_code, first.reasoning) == ("failed", "interrupted", "Half a tho")
    assert second.status == "waiting"
    logged = state_of(client, battle).responses[0, "A"]
    assert (logged.status, logged.reasoning) == ("failed", "Half a tho")


def test_orphan_whose_log_is_lost_is_not_asked_again_where_that_may_cost_twice(
    client: redis.Redis, watch: Watch
) -> None:
    battle = make_battle(contestants=[make_contestant(), make_contestant(simulated=True)])
    orphan(battle, client)
    client.flushall()
    watch.look_patiently()
    assert [(made.status, made.failure_code) for made in responses_of(battle)] == [
        ("failed", "interrupted"),
        ("waiting", ""),
    ]


def asked_again(battle: Battle, client: redis.Redis) -> Response:
    """Its first attempt failed, and the log tells so; of the second, which a worker has claimed, it knows nothing."""
    publish(client, battle.pk, [TextDelta("A", 0, "a", "Wrong"), ResponseFailed("A", 0, "failed", "It broke.")])
    Response.objects.filter(turn__battle=battle).update(
        status=ResponseStatus.STREAMING, run=uuid.uuid4().hex, attempt=2
    )
    return responses_of(battle)[0]


def test_text_of_a_failed_attempt_is_not_taken_for_that_of_the_next(client: redis.Redis, watch: Watch) -> None:
    battle = make_battle(contestants=[make_contestant()])
    asked_again(battle, client)
    watch.look_patiently()
    assert (statuses(battle), watch.enqueued) == ({"waiting"}, [battle.pk])


def test_end_of_an_attempt_is_told_though_the_one_before_had_ended_too(client: redis.Redis, watch: Watch) -> None:
    battle = make_battle(contestants=[make_contestant()])
    ended = asked_again(battle, client)
    Response.objects.filter(pk=ended.pk).update(status=ResponseStatus.FINISHED, answer="Right")
    client.sadd(OPEN_RUNS, ended.run)
    watch.look_patiently()
    logged = state_of(client, battle).responses[0, "A"]
    assert (logged.status, logged.answer) == ("finished", "Right")


def test_live_run_is_not_swept(client: redis.Redis, watch: Watch) -> None:
    battle = make_battle()
    response = orphan(battle, client)
    client.set(lease_key(response.run), "3", px=100_000)
    watch.look_patiently()
    assert (statuses(battle), watch.enqueued) == ({"streaming"}, [])


def test_lease_that_comes_back_in_time_is_respected(client: redis.Redis, watch: Watch) -> None:
    """Redis had forgotten it, or its clock has jumped: the worker, which lives, needs a moment."""
    battle = make_battle()
    response = orphan(battle, client)
    watch.look()
    watch.look(COUNTED_S)
    client.set(lease_key(response.run), "0", px=100_000)
    watch.look(COUNTED_S)
    client.delete(lease_key(response.run))
    watch.look(COUNTED_S)
    assert statuses(battle) == {"streaming"}


def test_look_that_comes_late_proves_little(client: redis.Redis, watch: Watch) -> None:
    """The machine slept: this sweeper is awake a moment before the worker that will renew its lease."""
    battle = make_battle()
    orphan(battle, client)
    watch.look()
    watch.look(100 * PATIENCE_S)
    assert statuses(battle) == {"streaming"}
    watch.look_patiently()
    assert statuses(battle) == {"waiting"}


def test_swept_run_can_save_nothing(client: redis.Redis, watch: Watch) -> None:
    battle = make_battle()
    response = orphan(battle, client)
    watch.look_patiently()
    assert client.get(lease_key(response.run)) == SWEPT.encode()
    assert runs.hand_over(response, ("zombie", "")) is None
    assert statuses(battle) == {"waiting"}


def test_orphan_of_a_stopped_battle_ends_as_stopped(client: redis.Redis, watch: Watch) -> None:
    battle = make_battle()
    orphan(battle, client)
    Response.objects.update(stop_requested_at=timezone.now())
    watch.look_patiently()
    battle.refresh_from_db()
    assert (statuses(battle), battle.status, watch.enqueued) == ({"stopped"}, "finished", [])


def test_end_that_a_worker_saved_and_could_not_tell_is_told(client: redis.Redis, watch: Watch) -> None:
    """It died between the two; another response of its run was still at work."""
    battle = make_battle()
    ended = orphan(battle, client)
    publish(client, battle.pk, [TextDelta("A", 0, "a", "The who")])
    Response.objects.filter(pk=ended.pk).update(status=ResponseStatus.FINISHED, answer="The whole of it")
    watch.look_patiently()
    logged = state_of(client, battle).responses[0, "A"]
    assert (logged.status, logged.answer) == ("finished", "The whole of it")


def test_end_that_a_worker_saved_and_could_not_tell_is_told_though_nothing_of_the_run_plays(
    client: redis.Redis, watch: Watch
) -> None:
    battle = make_battle(2)
    run_id = orphan(battle, client).run
    client.sadd(OPEN_RUNS, run_id)
    publish(client, battle.pk, [TextDelta("A", 0, "a", "The who"), ResponseFinished("B", 0)])
    Response.objects.filter(run=run_id).update(status=ResponseStatus.FINISHED, answer="The whole of it")
    watch.look_patiently()
    logged = state_of(client, battle).responses
    assert (logged[0, "A"].status, logged[0, "A"].answer) == ("finished", "The whole of it")
    assert (logged[0, "B"].status, logged[0, "B"].answer) == ("finished", ""), "its end was told: it is not told again"
    assert not client.sismember(OPEN_RUNS, run_id)


def test_run_that_was_closed_is_open_no_more(scripted: Scripted, client: redis.Redis) -> None:
    client.delete(OPEN_RUNS)
    battle = make_battle()
    runs.play_waiting(battle.pk, client)
    runs.play_waiting(battle.pk, client)  # for nothing
    assert not client.exists(OPEN_RUNS)


def test_run_whose_end_was_told_is_forgotten_in_silence(client: redis.Redis, watch: Watch) -> None:
    """Redis was away when it was to be closed."""
    battle = make_finished_battle()
    Response.objects.filter(turn__battle=battle).update(run="told")
    publish(client, battle.pk, [ResponseFinished("A", 0), ResponseFinished("B", 0)])
    entries = client.xlen(log_key(battle.pk))
    client.sadd(OPEN_RUNS, "told")
    watch.look_patiently()
    assert not client.sismember(OPEN_RUNS, "told")
    assert client.xlen(log_key(battle.pk)) == entries


def test_two_sweepers_take_a_run_over_once(client: redis.Redis, watch: Watch) -> None:
    battle, other = make_battle(), Watch(client)
    run_id = orphan(battle, client).run
    watch.look_patiently(), other.look_patiently()
    assert not other.sweeper._sweep(run_id, is_dead=False), "nor had it seen the run in the same moment"
    assert (watch.enqueued, other.enqueued) == ([battle.pk], [])
    assert {made.attempt for made in responses_of(battle)} == {2}


def test_take_over_that_was_cut_off_is_finished_by_another(client: redis.Redis, watch: Watch) -> None:
    battle = make_battle()
    response = orphan(battle, client)
    client.set(lease_key(response.run), SWEPT, ex=SWEPT_S)
    watch.look()
    assert statuses(battle) == {"streaming"}, "whoever swept it may be at it"
    client.expire(lease_key(response.run), SWEPT_S - TAKE_OVER_S)
    watch.look()
    assert statuses(battle) == {"waiting"}


def test_take_over_that_failed_is_tried_again(
    client: redis.Redis, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise redis.ConnectionError

    battle = make_battle()
    orphan(battle, client)
    monkeypatch.setattr("arena.battles.orphans.log_state", away)
    with pytest.raises(redis.ConnectionError):
        watch.look_patiently()
    monkeypatch.undo()
    watch.look()
    assert (statuses(battle), watch.enqueued) == ({"waiting"}, [battle.pk])


def test_battle_that_a_transaction_holds_keeps_the_sweep_from_no_other(
    client: redis.Redis, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, free = make_battle(), make_battle()
    orphan(held, client), orphan(free, client)
    monkeypatch.setattr("arena.battles.orphans.is_held", lambda battle_id: battle_id == held.pk)
    watch.look_patiently()
    assert (statuses(held), statuses(free), watch.enqueued) == ({"streaming"}, {"waiting"}, [free.pk])
    monkeypatch.undo()
    watch.look()
    assert (statuses(held), watch.enqueued) == ({"waiting"}, [free.pk, held.pk])


def test_battle_locked_by_another_is_held() -> None:
    """SQLite has no locks of rows."""
    battle = make_battle()
    has_row_locks = connection.features.has_select_for_update
    other = connections[DEFAULT_DB_ALIAS].copy()
    other.settings_dict["OPTIONS"].pop("pool", None)
    try:
        if has_row_locks:
            other.set_autocommit(False)
            other.cursor().execute("SELECT 1 FROM battles_battle WHERE id = %s FOR UPDATE", [battle.pk])
        assert is_held(battle.pk) is has_row_locks
        if has_row_locks:
            other.rollback()  # closing alone lets go of the row a moment later
    finally:
        other.close()
    assert not is_held(battle.pk)


def test_battle_that_fell_out_of_the_queue_is_enqueued_now_and_then(client: redis.Redis, watch: Watch) -> None:
    battle = make_battle()
    watch.look()
    assert watch.enqueued == []
    for _ in range(4):
        watch.look(WAITING_GRACE_S / 2)
    assert watch.enqueued == [battle.pk]
    assert 0 < client.ttl(runs.enqueued_key(battle.pk)) <= ENQUEUE_AGAIN_S
    client.delete(runs.enqueued_key(battle.pk))  # the message was taken, and its worker died at once
    watch.look()
    assert watch.enqueued == [battle.pk, battle.pk]


def test_busy_queue_is_not_filled_with_copies(
    client: redis.Redis, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arena.battles.orphans.QUEUE", queue := f"queue-{uuid.uuid4()}")
    battle = make_battle()
    client.rpush(queue, "its message")
    for _ in range(20):
        client.delete(runs.enqueued_key(battle.pk))  # it has expired
        watch.look(WAITING_GRACE_S)
    assert watch.enqueued == []
    client.delete(queue)
    watch.look()
    assert watch.enqueued == [battle.pk]


def test_stop_that_was_not_heard_is_said_again(client: redis.Redis, watch: Watch) -> None:
    response = orphan(make_battle(), client)
    client.set(lease_key(response.run), "1", px=100_000)
    Response.objects.update(stop_requested_at=timezone.now())
    with client.pubsub(ignore_subscribe_messages=True) as pubsub:
        pubsub.subscribe(STOP_CHANNEL)
        watch.look()
        messages = [pubsub.get_message(timeout=1) for _ in range(2)]
    assert response.run.encode() in [message["data"] for message in messages if message]


def test_battle_left_open_is_finished(watch: Watch) -> None:
    battle = make_finished_battle()
    Battle.objects.update(status=BattleStatus.RUNNING)
    for _ in range(OPEN_EVERY_LOOKS):
        watch.look()
    battle.refresh_from_db()
    assert battle.status == "finished"


# --- Workers of the same machine -------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, settings: pytest.FixtureRequest) -> Iterator[Path]:
    settings.VAR_DIR = tmp_path  # type: ignore[attr-defined]
    yield tmp_path / "workers"
    workers.leave()


def become_a_worker(monkeypatch: pytest.MonkeyPatch) -> str:
    """This process shows life under another name, as if it were another process."""
    monkeypatch.setattr(workers, "NAME", uuid.uuid4().hex[: workers.NAME_CHARS])
    workers.show_life()
    return workers.NAME


def die() -> None:
    """What the kernel does to the locks of a process that ends."""
    while workers._locks:
        workers._locks.pop().close()


def test_run_of_a_dead_neighbour_is_taken_over_at_once(
    client: redis.Redis, watch: Watch, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    become_a_worker(monkeypatch)
    run_id = workers.new_run_id()
    battle = make_battle()
    orphan(battle, client, run_id=run_id)
    client.set(lease_key(run_id), "3", px=100_000)
    become_a_worker(monkeypatch)
    watch.look()
    assert statuses(battle) == {"streaming"}, "it lives"
    die()
    monkeypatch.setattr(workers, "NAME", "the-survivor")
    watch.look()
    assert (statuses(battle), watch.enqueued) == ({"waiting"}, [battle.pk])
    assert list(folder.iterdir()) == [], "all are forgotten"


def test_dead_neighbour_is_remembered_until_it_was_seen_to(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = become_a_worker(monkeypatch)
    die()
    monkeypatch.setattr(workers, "NAME", "the-survivor")
    with pytest.raises(redis.ConnectionError), dead_neighbours() as dead:
        assert dead == {name}
        raise redis.ConnectionError
    with dead_neighbours() as dead:
        assert dead == {name}
        with dead_neighbours() as seen_by_another:
            assert not seen_by_another
    with dead_neighbours() as dead:
        assert not dead


def test_worker_that_left_in_good_order_is_no_dead_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    become_a_worker(monkeypatch)
    workers.leave()
    monkeypatch.setattr(workers, "NAME", "the-survivor")
    with dead_neighbours() as dead:
        assert not dead


def test_copied_folder_declares_nobody_dead(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = become_a_worker(monkeypatch)
    text = (folder / name).read_text()
    die()
    (folder / name).rename(folder / ".the-original")
    (folder / name).write_text(text)
    monkeypatch.setattr(workers, "NAME", "the-survivor")
    with dead_neighbours() as dead:
        assert not dead


def test_worker_without_a_place_for_its_file_works_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder.parent.joinpath("workers").touch()
    become_a_worker(monkeypatch)
    assert "a death is noticed later" in caplog.text
    with dead_neighbours() as dead:
        assert not dead


def test_settings_leave_the_sweep_of_test_workers_to_the_tests() -> None:
    assert settings.ARENA_SWEEP_EVERY_S > 0, "on by default"
