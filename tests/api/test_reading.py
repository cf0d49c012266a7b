"""The calls that only read: contestants, problems, the boards, the schema and its page."""

from dataclasses import fields
from datetime import date
from typing import get_args

import pytest

from arena.battles.events import Event, TextDelta
from arena.contestants.deltas import WaitReason
from arena.leaderboard.api import PairOut, RowOut
from arena.leaderboard.models import Snapshot
from arena.leaderboard.rows import Pair, Row
from arena.leaderboard.services import refresh_leaderboard
from arena.problems.models import Problem
from arena.voting.services import cast_ballot
from tests.api.asking import Api, assert_problem
from tests.factories import make_contestant, make_finished_battle, make_voter

pytestmark = pytest.mark.django_db

ROW: Row = {
    "rank": 1,
    "rank_low": 1,
    "rank_high": 2,
    "group": 0,
    "slug": "ada",
    "name": "Ada",
    "simulated": False,
    "active": True,
    "rating": 1012.5,
    "low": 990.0,
    "high": 1030.0,
    "too_few_battles": False,
    "correct_rate": 0.75,
    "correct_low": 0.5,
    "correct_high": 0.9,
    "battles": 12,
    "decided_battles": 11,
    "ballots": 20,
    "cost_per_answer_usd": None,
    "first_token_ms": 400,
    "output_tokens": 900,
}
PAIR: Pair = {"a": "ada", "b": "bob", "wins": 3, "losses": 1, "ties": 0, "battles": 4}


def test_contestants_are_named_with_what_is_known_of_them() -> None:
    figure = {"name": "MATH-500", "score": 90.6, "unit": "%", "source": "Its maker", "url": "https://example.org/"}
    make_contestant(
        "ada",
        name="Ada",
        params_b=32.5,
        license="MIT",
        vendor="Lovelace",
        family="Engines",
        context_tokens=32768,
        released_on=date(2025, 3, 6),
        price_in_usd_per_mtok=0.15,
        price_out_usd_per_mtok=0.2,
        benchmarks=[figure],
    )
    make_contestant("sim", name="Sim", simulated=True, is_available=False, unavailable_because="Switched off.")
    ada, sim = Api().get("/contestants").json()
    assert ada == {
        "slug": "ada",
        "name": "Ada",
        "provider": "openai",
        "params_b": 32.5,
        "license": "MIT",
        "active": True,
        "simulated": False,
        "available": True,
        "in_play": True,
        "unavailable_because": "",
        "vendor": "Lovelace",
        "family": "Engines",
        "context_tokens": 32768,
        "released_on": "2025-03-06",
        "retired_on": None,
        "price_in": 0.15,
        "price_out": 0.2,
        "benchmarks": [figure],
    }
    assert (sim["name"], sim["simulated"], sim["unavailable_because"]) == ("Sim (simulated)", True, "Switched off.")
    assert not sim["in_play"]


def test_contestant_that_its_vendor_has_retired_is_not_active() -> None:
    make_contestant("a", base_url="https://models.example.org/v1", retired_on=date(2025, 7, 28), is_available=False)
    make_contestant("b", base_url="https://models.example.org/v1", retired_on=date(2999, 7, 28))
    make_contestant("c", active=False)
    assert [row["active"] for row in Api().get("/contestants").json()] == [False, True, False]


def test_price_that_nobody_knows_is_null() -> None:
    make_contestant("a", base_url="https://models.example.org/v1")
    (row,) = Api().get("/contestants").json()
    assert row["price_in"] is row["price_out"] is None


def test_nothing_of_how_a_contestant_is_called_is_told() -> None:
    make_contestant(base_url="http://10.0.0.7:1234", api_key_env="HIDDEN_KEY", options={"seed": 424242})
    answer = Api().get("/contestants").text
    assert not any(hidden in answer for hidden in ("10.0.0.7", "HIDDEN_KEY", "424242"))


def test_problems_are_listed_and_shown_in_full() -> None:
    Problem.objects.create(
        slug="primes", title="Primes", statement="Prove it.", category="proof", answer="By contradiction."
    )
    brief = {"slug": "primes", "title": "Primes", "category": "proof", "statement": "Prove it."}
    assert Api().get("/problems").json() == [brief]
    more = {"answer": "By contradiction.", "checker": "", "source": "", "notes": ""}
    assert Api().get("/problems/primes").json() == brief | more


@pytest.mark.parametrize("slug", ["nothing", "%00", "%ED%A0%80", "a b", "x" * 5000])
def test_a_problem_that_is_not_there_is_404(slug: str) -> None:
    assert_problem(Api().get(f"/problems/{slug}"), 404)


def test_a_board_is_its_newest_snapshot() -> None:
    Snapshot.objects.create(board="reasoning", ballots=1, battles=1)
    newest = Snapshot.objects.create(board="reasoning", ballots=20, battles=12, rows=[ROW], pairs=[PAIR])
    Snapshot.objects.create(board="preference", ballots=3, battles=3)
    board = Api().get("/leaderboard").json()
    assert board.pop("updated_at")[:19] == newest.updated_at.isoformat()[:19]
    assert board == {"board": "reasoning", "ballots": 20, "battles": 12, "rows": [ROW]}
    assert Api().get("/leaderboard", board="preference", source="native").json()["ballots"] == 3
    assert Api().get("/leaderboard/pairs").json()["pairs"] == [PAIR]


def test_a_board_without_ballots_is_empty() -> None:
    empty = {"board": "reasoning", "updated_at": None, "ballots": 0, "battles": 0, "rows": []}
    assert Api().get("/leaderboard").json() == empty
    assert Api().get("/leaderboard/pairs").json() == {"board": "reasoning", "updated_at": None, "pairs": []}


def test_a_vote_is_found_on_the_board() -> None:
    battle = make_finished_battle(contestants=[make_contestant("ada"), make_contestant("bob")])
    cast_ballot(battle, make_voter(), verdicts={"A": "correct", "B": "flawed"}, best="A")
    refresh_leaderboard()
    board = Api().get("/leaderboard").json()
    assert (board["ballots"], board["battles"]) == (1, 1)
    assert {row["slug"]: row["correct_rate"] for row in board["rows"]} == {"ada": 1.0, "bob": 0.0}
    assert len(Api().get("/leaderboard/pairs", board="preference").json()["pairs"]) == 1


def test_the_schema_of_a_row_is_what_a_snapshot_holds() -> None:
    assert RowOut.model_fields.keys() == Row.__annotations__.keys()
    assert PairOut.model_fields.keys() == Pair.__annotations__.keys()


@pytest.mark.parametrize("path", ["/leaderboard", "/leaderboard/pairs"])
@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"board": "verified"}, "no verified one"),
        ({"board": "best"}, "board must be"),
        ({"source": "lmarena"}, "its own ballots only"),
        ({"team": "x"}, "by team"),
        ({"category": "proof"}, "by category"),
        ({"problem": "primes"}, "by problem"),
        ({"since": "2026-01-01"}, "by since"),
        ({"since": "\0"}, "NUL"),
        ({"bord": "reasoning"}, "no parameter 'bord'"),
    ],
)
def test_a_board_that_there_is_not_is_refused(path: str, parameters: dict[str, str], words: str) -> None:
    assert_problem(Api().get(path, **parameters), 422, words)


def test_the_schema_names_every_call_and_its_errors() -> None:
    schema = Api().get("/openapi.json").json()
    calls = {(method.upper(), path) for path, methods in schema["paths"].items() for method in methods}
    assert calls == {
        ("GET", "/api/v1/contestants"),
        ("GET", "/api/v1/problems"),
        ("GET", "/api/v1/problems/{slug}"),
        ("GET", "/api/v1/battles"),
        ("POST", "/api/v1/battles"),
        ("GET", "/api/v1/battles/{battle_id}"),
        ("POST", "/api/v1/battles/{battle_id}/turns"),
        ("POST", "/api/v1/battles/{battle_id}/stop"),
        ("POST", "/api/v1/battles/{battle_id}/responses/{slot}/retry"),
        ("PUT", "/api/v1/battles/{battle_id}/ballot"),
        ("GET", "/api/v1/leaderboard"),
        ("GET", "/api/v1/leaderboard/pairs"),
        ("GET", "/api/v1/record"),
        ("POST", "/api/v1/invitations/{code}/accept"),
    }
    for methods in schema["paths"].values():
        for call in methods.values():
            assert "application/problem+json" in call["responses"]["default"]["content"]
    assert {"BattleOut", "Problem"} <= schema["components"]["schemas"].keys()


def test_the_schema_describes_every_event_of_a_socket() -> None:
    description = Api().get("/openapi.json").json()["info"]["description"]
    for kind in set(get_args(Event)) - {TextDelta}:
        assert f"`{kind.type}`" in description
        assert all(f"`{field.name}`" in description for field in fields(kind))
    for reason in WaitReason:
        assert f"`{reason}`" in description


def test_the_docs_page_loads_nothing_from_elsewhere_and_runs_no_inline_script() -> None:
    page = Api().get("/docs")
    assert page.status_code == 200
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert "//" not in page.text.replace("<!DOCTYPE", "")
    scripts = page.text.split("<script")[1:]
    assert all(script.startswith((' src="/static/ninja/', ' type="application/json"')) for script in scripts)
    assert "style=" not in page.text
    assert "<style" not in page.text
