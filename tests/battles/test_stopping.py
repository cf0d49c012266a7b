"""A stop hits what it was meant for and nothing that was asked since, however late or early or often it comes."""

import threading

import pytest
import redis

from arena.battles import doors, runs, services
from arena.battles.errors import NotNow
from arena.battles.event_log import STOP_CHANNEL, LogState, publish, read_log
from arena.battles.events import TextDelta
from arena.battles.leases import lease_key
from arena.battles.models import Battle, Response, ResponseStatus
from arena.battles.orphans import running
from arena.battles.runs import REPLAYS_MAX
from arena.battles.worker_loop import WorkerLoop
from arena.teams.models import Voter
from tests.battles.test_orphans import orphan
from tests.battles.test_runs import LIMIT_S, Scripted, client, endless, playing, responses_of, scripted
from tests.factories import make_battle, make_contestant, make_voter
from tests.live import wait_until

__all__ = ["client", "scripted"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def voter() -> Voter:
    return make_voter()


def endless_battle(scripted: Scripted, voter: Voter) -> Battle:
    scripted.scripts["endless"] = endless
    return make_battle(voter=voter, contestants=[make_contestant("endless"), make_contestant("fine")])


def speaking(battle: Battle, scripted: Scripted, client: redis.Redis) -> threading.Thread:
    scripted.speaking.clear()
    thread = playing(battle, client)
    assert scripted.speaking.wait(LIMIT_S)
    wait_until(lambda: Response.objects.filter(turn__battle=battle, status="streaming").count() == 1, "the other's end")
    return thread


def halted(battle: Battle, voter: Voter, thread: threading.Thread) -> None:
    doors.halt(battle, voter)
    thread.join(LIMIT_S)
    assert not thread.is_alive()


def heard_by_the_loop(client: redis.Redis, run_id: str) -> None:
    loop = WorkerLoop.running()
    wait_until(lambda: client.publish(STOP_CHANNEL, run_id) and run_id in loop._stops_heard, "the stop to be heard")


def test_stop_ends_what_plays(scripted: Scripted, client: redis.Redis, voter: Voter) -> None:
    battle = endless_battle(scripted, voter)
    halted(battle, voter, speaking(battle, scripted, client))
    assert [made.status for made in responses_of(battle)] == ["stopped", "finished"]


def test_late_stop_does_not_hit_what_was_asked_again(scripted: Scripted, client: redis.Redis, voter: Voter) -> None:
    battle = endless_battle(scripted, voter)
    halted(battle, voter, speaking(battle, scripted, client))
    old_run = responses_of(battle)[0].run
    services.retry_response(battle, voter, slot="A")
    assert running().deaf == set()
    thread = speaking(battle, scripted, client)
    heard_by_the_loop(client, old_run)
    assert responses_of(battle)[0].status == "streaming"
    halted(battle, voter, thread)
    assert responses_of(battle)[0].status == "stopped"


def test_stop_that_comes_before_its_run_has_begun_is_kept_for_it(
    scripted: Scripted, client: redis.Redis, voter: Voter, monkeypatch: pytest.MonkeyPatch
) -> None:
    battle = endless_battle(scripted, voter)
    start_run = WorkerLoop.start_run

    def start_late(loop: WorkerLoop, run_id: str, *arguments: object, **options: object) -> object:
        doors.halt(battle, voter)
        heard_by_the_loop(client, run_id)
        return start_run(loop, run_id, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(WorkerLoop, "start_run", start_late)
    thread = playing(battle, client)
    thread.join(LIMIT_S)
    assert not thread.is_alive()
    assert {made.status for made in responses_of(battle)} == {"stopped"}
    assert scripted.asked == []


def test_missed_stop_is_repeated_for_its_run_only(voter: Voter, client: redis.Redis) -> None:
    battle, other = make_battle(voter=voter), make_battle()
    orphan(battle, client, run_id="deaf")
    orphan(other, client, run_id="other")
    assert services.stop_battle(battle, voter).runs == ("deaf",)
    assert running().deaf == {"deaf"}


def test_stop_ends_what_nobody_has_begun(voter: Voter) -> None:
    battle = make_battle(voter=voter)
    stop = services.stop_battle(battle, voter)
    assert ([made.seat.slot for made in stop.ended], stop.runs) == (["A", "B"], ())
    battle.refresh_from_db()
    assert battle.status == "finished"
    with pytest.raises(NotNow):
        services.stop_battle(battle, voter)


def test_stopped_response_of_a_dead_worker_is_not_played_again(voter: Voter, client: redis.Redis) -> None:
    battle = make_battle(voter=voter)
    response = orphan(battle, client)
    services.stop_battle(battle, voter)
    assert runs.hand_over(response, ("", "")) is not None
    assert responses_of(battle)[0].status == "stopped"


def test_one_slot_may_be_asked_again_while_the_stop_of_another_is_on_its_way(voter: Voter, client: redis.Redis) -> None:
    battle = make_battle(voter=voter)
    orphan(battle, client, run_id="deaf")
    services.stop_battle(battle, voter)
    Response.objects.filter(seat__slot="A").update(status=ResponseStatus.STOPPED)
    services.retry_response(battle, voter, slot="A")
    assert running().deaf == {"deaf"}
    first, second = responses_of(battle)
    assert (first.stop_requested_at, second.stop_requested_at is None) == (None, False)


# --- Replays by itself, and retries by people -------------------------------------------------------


def died(response: Response, client: redis.Redis) -> str:
    """The response's worker dies; what becomes of it."""
    Response.objects.filter(pk=response.pk).update(status=ResponseStatus.STREAMING, run="dead")
    client.delete(lease_key("dead"))
    response.refresh_from_db()
    runs.hand_over(response, ("", ""))
    response.refresh_from_db()
    return response.status


def test_replays_by_itself_are_bounded(client: redis.Redis) -> None:
    battle = make_battle()
    response = responses_of(battle)[0]
    assert [died(response, client) for _ in range(REPLAYS_MAX + 1)] == ["waiting"] * REPLAYS_MAX + ["failed"]
    assert response.failure_code == "interrupted"
    assert response.attempt == REPLAYS_MAX + 1


def test_retries_by_people_use_up_no_replays(client: redis.Redis, voter: Voter) -> None:
    battle = make_battle(voter=voter)
    response = responses_of(battle)[0]
    for _ in range(5):
        Response.objects.filter(pk=response.pk).update(status=ResponseStatus.FAILED)
        services.retry_response(battle, voter, slot="A")
    assert died(response, client) == "waiting"
    assert (response.attempt, response.replays) == (7, 1)
    Response.objects.filter(pk=response.pk).update(status=ResponseStatus.FAILED)
    services.retry_response(battle, voter, slot="A")
    response.refresh_from_db()
    assert (response.attempt, response.replays) == (8, 0)


def test_what_an_earlier_attempt_wrote_is_not_shown_of_a_stopped_one(voter: Voter, client: redis.Redis) -> None:
    battle = make_battle(voter=voter, contestants=[make_contestant(simulated=True)])
    response = orphan(battle, client)
    publish(client, battle.pk, [TextDelta("A", 0, "r", "half a thou")])
    assert runs.hand_over(response, ("half a thou", "")) is None
    doors.halt(battle, voter)
    state = LogState()
    for _, events in read_log(client, battle.pk):
        state.apply(events)
    shown, saved = state.responses[0, "A"], responses_of(battle)[0]
    assert (shown.status, shown.reasoning) == (saved.status, saved.reasoning) == ("stopped", "")
