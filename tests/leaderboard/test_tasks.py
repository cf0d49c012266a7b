from collections.abc import Iterator

import pytest
import redis
from django.conf import LazySettings
from pytest_django import DjangoCaptureOnCommitCallbacks

from arena.leaderboard import services, tasks
from arena.leaderboard.queries import latest_snapshot
from arena.leaderboard.tasks import refresh, request_refresh
from arena.teams.models import User
from arena.teams.standing import exclude
from arena.voting.models import Ballot
from arena.voting.services import cast_ballot
from tests.factories import make_finished_battle, make_voter
from tests.live import WorkerProcess

pytestmark = pytest.mark.django_db

VERDICTS = {"A": "correct", "B": "flawed"}


@pytest.fixture
def broker(settings: LazySettings, worker_process: WorkerProcess) -> Iterator[redis.Redis]:
    """The queue, with nobody who takes tasks from it: a worker that earlier tests left running is stopped."""
    worker_process.stop()
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.flushdb()
        yield client
        client.flushdb()


def queued(broker: redis.Redis) -> int:
    return int(broker.llen("celery"))


def test_ballot_asks_for_a_refresh(
    broker: redis.Redis, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        cast_ballot(make_finished_battle(), make_voter(), verdicts=VERDICTS)
    assert queued(broker) == 1


def test_many_ballots_give_one_refresh(broker: redis.Redis) -> None:
    for _ in range(10):
        request_refresh()
    assert queued(broker) == 1


def test_ballot_during_a_refresh_asks_for_another(broker: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    request_refresh()
    monkeypatch.setattr(services, "refresh_leaderboard", lambda: request_refresh() or [])
    refresh()
    assert queued(broker) == 2


def test_refresh_counts_the_ballots(broker: redis.Redis) -> None:
    cast_ballot(make_finished_battle(), make_voter(), verdicts=VERDICTS)
    refresh()
    snapshot = latest_snapshot("reasoning")
    assert snapshot
    assert snapshot.ballots == 1


def test_refresh_while_another_runs_is_put_off(broker: redis.Redis) -> None:
    cast_ballot(make_finished_battle(), make_voter(), verdicts=VERDICTS)
    with broker.lock(tasks.RUNNING, timeout=10):
        refresh()
        assert latest_snapshot("reasoning") is None
        assert queued(broker) == 1
    refresh()
    assert latest_snapshot("reasoning")


def test_refresh_that_was_overtaken_ends_without_an_error(broker: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "refresh_leaderboard", lambda: [broker.delete(tasks.RUNNING)][:0])
    refresh()
    assert not broker.exists(tasks.RUNNING)


def test_lost_redis_fails_no_ballot(
    settings: LazySettings,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"  # the discard port: nothing answers there
    with django_capture_on_commit_callbacks(execute=True):
        ballot = cast_ballot(make_finished_battle(), make_voter(), verdicts=VERDICTS)
    assert Ballot.objects.get() == ballot
    assert "will be refreshed later" in caplog.text


def test_leaving_out_a_voter_asks_for_a_refresh(
    broker: redis.Redis, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        exclude([make_voter()], by=User.objects.create_user("olga"), reason="So.")
    assert queued(broker) == 1
