"""The texts of responses may be megabytes: what shows many battles, or counts them, must not read them."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from arena.api import api
from arena.battles import charges, runs, tasks
from arena.battles.models import Battle, Response, Turn
from arena.contestants.models import Contestant
from arena.leaderboard.queries import figures
from arena.leaderboard.services import refresh_leaderboard
from arena.problems.models import Problem
from arena.teams.models import User, Voter
from arena.voting.services import cast_ballot
from tests.factories import make_finished_battle

pytestmark = pytest.mark.django_db

TEXTS = ("reasoning", "answer", "raw", "steps")
# Not the short end of a text alone.
TEXT_COLUMN = re.compile(rf'(?<!SUBSTR\()(?<!RIGHT\()"battles_response"\."(?:{"|".join(TEXTS)})"')
# Some pages only take forms, and /readyz misses the worker.
ANSWERS = {200, 302, 405, 503}
LATE_COLUMNS = ("output_tokens", "first_token_ms", "cost_usd")


@contextmanager
def noted() -> Iterator[list[str]]:
    """The queries made inside."""
    queries: list[str] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        queries.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield queries


def reads_of_texts(queries: list[str]) -> list[str]:
    return [sql for sql in queries if sql.startswith("SELECT") and TEXT_COLUMN.search(sql)]


@pytest.fixture
def operator() -> User:
    return User.objects.create_superuser("operator")


@pytest.fixture
def signed_in(client: Client, operator: User) -> Client:
    client.force_login(operator)
    return client


@pytest.fixture
def battles(operator: User) -> list[Battle]:
    """Finished, of the one who looks; the first is voted on."""
    voter = Voter.objects.create(user=operator)
    made = [make_finished_battle(voter=voter) for _ in range(3)]
    cast_ballot(made[0], voter, verdicts={"A": "correct", "B": "flawed"}, best="A")
    return made


def pages_without_parameters() -> Iterator[str]:
    """Every page of the arena whose address names no single thing."""
    for pattern in get_resolver().url_patterns:
        if isinstance(pattern, URLPattern) and pattern.name and not pattern.pattern.converters:
            yield reverse(pattern.name)
    for group in get_resolver().url_patterns:
        if not isinstance(group, URLPattern) and not group.namespace:
            for pattern in group.url_patterns:
                if isinstance(pattern, URLPattern) and pattern.name and not pattern.pattern.converters:
                    yield reverse(pattern.name)


def lists_of_the_admin() -> Iterator[str]:
    yield reverse("admin:index")
    for model in admin.site._registry:
        yield reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def calls_without_parameters() -> Iterator[str]:
    for path, methods in api.get_openapi_schema()["paths"].items():
        if "get" in methods and "{" not in path:
            yield path


def test_no_list_reads_the_texts(signed_in: Client, battles: list[Battle]) -> None:
    contestant = Contestant.objects.first()
    problem = Problem.objects.create(slug="sum", title="Sum", statement="1 + 1?")
    assert contestant is not None
    addresses = {
        *pages_without_parameters(),
        *lists_of_the_admin(),
        *calls_without_parameters(),
        reverse("contestant", args=[contestant.slug]),
        reverse("problem", args=[problem.slug]),
    }
    assert {"/", "/leaderboard/", "/admin/voting/ballot/", "/api/v1/battles"} <= addresses
    for address in sorted(addresses):
        with noted() as queries:
            assert signed_in.get(address).status_code in ANSWERS, address
        assert reads_of_texts(queries) == [], address


def test_a_battles_own_page_does(signed_in: Client, battles: list[Battle]) -> None:
    with noted() as queries:
        signed_in.get(battles[0].get_absolute_url())
    assert len(reads_of_texts(queries)) == 1


@pytest.mark.parametrize("work", [refresh_leaderboard, figures, charges.measure_answers, charges.forget_past_days])
def test_no_regular_work_reads_the_texts(work: Callable[[], object], battles: list[Battle]) -> None:
    with noted() as queries:
        work()
    assert reads_of_texts(queries) == []


def test_sweep_reads_no_texts_of_what_has_ended(battles: list[Battle]) -> None:
    with noted() as queries:
        tasks.sweep()
    assert queries
    assert reads_of_texts(queries) == []


def test_conversation_is_made_of_the_answers_alone(battles: list[Battle]) -> None:
    turn = Turn.objects.create(battle=battles[0], index=1, prompt="Why?")
    response = Response.objects.create(turn=turn, seat=battles[0].seats.all()[0])
    with noted() as queries:
        assert runs.messages_for(response)[1] == {"role": "assistant", "content": "4"}
    read = [column for column in TEXTS if any(f'"battles_response"."{column}"' in sql for sql in queries)]
    assert read == ["answer"]


@pytest.mark.parametrize("ask", [figures, charges.measure_answers])
def test_what_is_asked_of_every_response_is_in_an_index(ask: Callable[[], object], battles: list[Battle]) -> None:
    """SQLite would read through a row's texts to get at the columns behind them."""
    if connection.vendor != "sqlite":
        return  # PostgreSQL keeps long texts elsewhere
    with noted() as queries:
        ask()
    asking = [sql for sql in queries if any(f'"{column}"' in sql for column in LATE_COLUMNS) and "SELECT" in sql[:6]]
    assert asking
    with connection.cursor() as cursor:
        for sql in asking:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", ["finished"] * sql.count("%s"))
            steps = [row[3] for row in cursor.fetchall() if "battles_response" in row[3]]
            assert all("COVERING INDEX responses_without_their_texts" in step for step in steps), steps
