"""A list costs as many queries for many rows as for a few, and reads no text that it does not show."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from arena.leaderboard.services import refresh_leaderboard
from arena.problems.models import Problem
from arena.teams.models import Voter
from arena.teams.queries import VOTER_KEY
from arena.voting.doors import vote
from tests.factories import make_finished_battle, make_voter

pytestmark = pytest.mark.django_db


def fill(voter: Voter, prefix: str) -> None:
    for number in range(3):
        problem = Problem.objects.create(slug=f"{prefix}-{number}", title="T", statement="S", category="C")
        battle = make_finished_battle(3, voter=voter)
        battle.problem = problem
        battle.save(update_fields=["problem"])
        vote(battle, voter, verdicts={"A": "correct", "B": "flawed", "C": "unsure"}, best="A")
    refresh_leaderboard()


def queries_of(client: Client, path: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return [query["sql"] for query in captured.captured_queries]


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/contestants/", "/leaderboard/", "/problems/"),
        *(f"/api/v1/{name}" for name in ("contestants", "problems", "battles", "leaderboard", "leaderboard/pairs")),
    ],
)
def test_list_costs_the_same_however_long_it_is(client: Client, path: str) -> None:
    voter = make_voter()
    session = client.session
    session[VOTER_KEY] = voter.pk
    session.save()
    fill(voter, "few")
    few = queries_of(client, path)
    fill(voter, "many")
    many = queries_of(client, path)
    assert len(many) == len(few) <= 10
    assert not any(f'"battles_response"."{text}"' in query for text in ("reasoning", "answer", "raw") for query in many)
