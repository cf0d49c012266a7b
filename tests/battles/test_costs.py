"""What is stored of a response's tokens, time and money, however it ended and however often it was asked."""

from typing import Any

import pytest

from arena.battles.models import Battle, Response, ResponseStatus
from arena.battles.runs import hand_over, save_outcome
from arena.battles.services import retry_response
from arena.battles.streaming import Outcome
from arena.contestants.deltas import Usage
from tests.factories import make_battle, make_contestant, make_voter

pytestmark = pytest.mark.django_db

USED = Usage(1_234, 5_678, 4_000, cached_input_tokens=1_024)


def outcome(usage: Usage = USED, status: str = "finished", **values: Any) -> Outcome:
    usual: dict[str, Any] = {"first_token_ms": 2_000, "duration_ms": 12_000, "reasoning": "Hm.", "answer": "4"}
    return Outcome(status=status, raw="", usage=usage, **usual | values)


def claimed(battle: Battle) -> Response:
    """The response of slot A, at work."""
    Response.objects.filter(turn__battle=battle).update(status=ResponseStatus.STREAMING, run="run")
    return Response.objects.select_related("turn__battle", "seat__contestant").get(turn__battle=battle, seat__slot="A")


def saved(made: Outcome, **contestant: Any) -> Response:
    contestants = [make_contestant(**{"model": "o1"} | contestant), make_contestant()]
    response = claimed(make_battle(contestants=contestants))
    assert save_outcome(response, made)
    response.refresh_from_db()
    return response


def test_finished_response_keeps_counts_pace_and_cost() -> None:
    response = saved(outcome())
    assert (response.input_tokens, response.output_tokens, response.reasoning_tokens) == (1_234, 5_678, 4_000)
    assert response.cached_input_tokens == 1_024
    assert response.cost_usd == pytest.approx(0.35151)  # 210 x $15 + 1,024 x $7.50 + 5,678 x $60
    assert response.price_source == "OpenAI’s prices, as of 2026-10"
    assert response.tokens_per_second == 567.8


def test_pace_leaves_out_reasoning_that_was_not_shared() -> None:
    assert saved(outcome(reasoning="")).tokens_per_second == 167.8


@pytest.mark.parametrize("status", ["failed", "stopped"])
def test_response_that_did_not_finish_has_its_cost_too(status: str) -> None:
    assert saved(outcome(status=status)).cost_usd == pytest.approx(0.35151)


def test_response_stopped_before_its_counts_came_has_no_known_cost() -> None:
    response = saved(outcome(Usage(input_tokens=1_234), status="stopped"))
    assert (response.input_tokens, response.output_tokens) == (1_234, None)
    assert (response.cost_usd, response.price_source, response.tokens_per_second) == (None, "", None)


def test_response_at_an_unknown_price_has_no_known_cost() -> None:
    response = saved(outcome(), model="mystery")
    assert (response.output_tokens, response.cost_usd, response.price_source) == (5_678, None, "")


def test_cost_that_the_server_tells_is_kept_with_that() -> None:
    response = saved(outcome(Usage(cost_usd=0.0421)), model="mystery")
    assert (response.cost_usd, response.price_source) == (0.0421, "reported by its server")


def test_response_that_was_cut_off_has_no_known_cost() -> None:
    response = claimed(make_battle(contestants=[make_contestant(model="o1"), make_contestant()]))
    assert hand_over(response, ("Hm.", ""))
    response.refresh_from_db()
    assert (response.status, response.cost_usd) == ("failed", None)


@pytest.mark.parametrize(
    ("spent", "known"), [([0.25, 0.5], 0.75), ([0.25, None], 0.25), ([None, 0.5], 0.5), ([None, None], None)]
)
def test_what_earlier_attempts_cost_is_not_forgotten(spent: list[float | None], known: float | None) -> None:
    voter = make_voter()
    battle = make_battle(voter=voter)
    responses = Response.objects.filter(turn__battle=battle)
    for cost in spent:
        responses.update(status=ResponseStatus.FAILED, cost_usd=cost, price_source="x", tokens_per_second=9)
        response = retry_response(battle, voter, slot="A")
        assert (response.cost_usd, response.price_source, response.tokens_per_second) == (None, "", None)
    assert response.earlier_cost_usd == known
