"""The door of voting: what those who watch the battle are told."""

import pytest
import redis
from django.conf import settings
from pytest_django import DjangoCaptureOnCommitCallbacks

from arena.battles.event_log import read_log
from arena.voting.doors import vote
from arena.voting.errors import VerdictRefused
from tests.factories import make_finished_battle, make_voter

pytestmark = pytest.mark.django_db


def logged(battle_id: object) -> list[object]:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        return [event for _, events in read_log(client, str(battle_id)) for event in events]


def test_browsers_are_told_a_count_and_no_names(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    battle = make_finished_battle()
    with django_capture_on_commit_callbacks(execute=True):
        vote(battle, make_voter(), verdicts={"A": "correct", "B": "flawed"})
    assert logged(battle.pk) == [{"type": "ballots", "count": 1}, {"type": "revealed"}]


def test_refused_ballot_is_not_told(django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks) -> None:
    battle = make_finished_battle()
    with django_capture_on_commit_callbacks(execute=True), pytest.raises(VerdictRefused):
        vote(battle, make_voter(), verdicts={"A": "correct"})
    assert logged(battle.pk) == []
