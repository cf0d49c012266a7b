from dataclasses import asdict

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from arena.battles.models import Battle, Response, ResponseStatus
from arena.voting.queries import MyBallot, battle_for
from arena.voting.services import cast_ballot
from tests.factories import make_battle, make_contestant, make_finished_battle, make_voter

pytestmark = pytest.mark.django_db

NAMES = ("Qwerty", "qwerty-slug", "qwerty:32b")


def battle_with_names(*, blind: bool = True, finished: bool = True) -> Battle:
    """Slot A is a contestant whose every name is one of NAMES."""
    contestants = [make_contestant("qwerty-slug", name="Qwerty", model="qwerty:32b"), make_contestant()]
    return (make_finished_battle if finished else make_battle)(contestants=contestants, blind=blind)


def shows_names(voters_battle: object) -> bool:
    return any(name in repr(voters_battle) for name in NAMES)


def test_names_are_hidden_from_someone_who_has_not_voted() -> None:
    seen = battle_for(battle_with_names(), make_voter())
    assert not shows_names(seen)
    assert (seen.reveal, seen.tally, seen.my_ballot, seen.status) == (None, None, None, "finished")
    assert seen.may_vote


def test_names_are_hidden_from_a_visitor_without_a_voter() -> None:
    seen = battle_for(battle_with_names(), None)
    assert not shows_names(seen)
    assert seen.may_vote
    assert not seen.may_steer


def test_names_are_hidden_while_the_battle_runs() -> None:
    seen = battle_for(battle_with_names(finished=False), make_voter())
    assert not shows_names(seen)
    assert (seen.status, seen.may_vote) == ("running", False)


def test_names_stay_hidden_from_others_when_somebody_has_voted() -> None:
    battle = battle_with_names()
    cast_ballot(battle, make_voter(), verdicts={"A": "correct", "B": "flawed"})
    seen = battle_for(battle, make_voter())
    assert not shows_names(seen)
    assert (seen.tally, seen.status, seen.may_vote, seen.ballot_count) == (None, "finished", True, 1)


def test_voter_sees_names_tally_and_own_ballot_after_voting() -> None:
    battle, voter = battle_with_names(), make_voter()
    cast_ballot(battle, make_voter(), verdicts={"A": "unsure", "B": "flawed"}, best="tie")
    cast_ballot(battle, voter, verdicts={"A": "correct", "B": "flawed"}, best="A", first_flaws={"B": 1})
    seen = battle_for(battle, voter)
    assert seen.reveal
    assert (seen.reveal["A"].slug, seen.reveal["A"].name) == ("qwerty-slug", "Qwerty")
    assert seen.my_ballot == MyBallot({"A": "correct", "B": "flawed"}, "A", {"B": 1}, {}, "")
    assert seen.tally
    assert asdict(seen.tally) == {
        "ballots": 2,
        "verdicts": {"A": {"correct": 1, "flawed": 0, "unsure": 1}, "B": {"correct": 0, "flawed": 2, "unsure": 0}},
        "best": {"A": 1, "B": 0, "tie": 1},
    }
    assert (seen.status, seen.may_vote, seen.ballot_count) == ("revealed", False, 2)


def test_open_battle_shows_names_but_no_tally_before_voting() -> None:
    battle = battle_with_names(blind=False)
    cast_ballot(battle, make_voter(), verdicts={"A": "correct", "B": "flawed"})
    seen = battle_for(battle, make_voter())
    assert shows_names(seen)
    assert (seen.tally, seen.may_vote) == (None, True)
    assert "kept but not ranked" in seen.unranked_because


def test_open_battle_that_runs_is_running() -> None:
    assert battle_for(battle_with_names(blind=False, finished=False), None).status == "running"


def test_simulated_contestant_says_so_in_the_reveal() -> None:
    contestants = [make_contestant(name="Sim", simulated=True), make_contestant()]
    seen = battle_for(make_finished_battle(contestants=contestants, blind=False), None)
    assert seen.reveal
    assert (seen.reveal["A"].name, seen.reveal["A"].simulated) == ("Sim (simulated)", True)


def test_figures_are_summed_over_turns_and_unknown_ones_stay_unknown() -> None:
    battle = battle_with_names(blind=False)
    responses = Response.objects.filter(turn__battle=battle)
    responses.update(cost_usd=0.25, input_tokens=10, output_tokens=5, first_token_ms=700, duration_ms=900)
    turn = battle.turns.create(index=1, prompt="Why?")
    for seat in battle.seats.all():
        turn.responses.create(
            seat=seat, status="finished", answer="So.", cost_usd=0.5, input_tokens=20, first_token_ms=80
        )
    reveal = battle_for(battle, None).reveal
    assert reveal
    a = reveal["A"]
    assert (a.cost_usd, a.input_tokens, a.first_token_ms) == (0.75, 30, 80)
    assert (a.output_tokens, a.reasoning_tokens, a.duration_ms) == (None, None, None)
    assert (a.tokens_per_second, a.cached_input_tokens, a.earlier_cost_usd) == (None, None, None)


def test_reveal_tells_how_costs_are_known_and_how_fast_it_was() -> None:
    battle = battle_with_names(blind=False)
    responses = Response.objects.filter(turn__battle=battle)
    responses.update(
        cost_usd=0.25, price_source="OpenAI’s prices", tokens_per_second=10, first_token_ms=1_000, duration_ms=31_000
    )
    turn = battle.turns.create(index=1, prompt="Why?")
    for seat in battle.seats.all():
        turn.responses.create(
            seat=seat,
            status="finished",
            cost_usd=0.5,
            price_source="reported by its server",
            earlier_cost_usd=0.125,
            tokens_per_second=50,
            first_token_ms=2_000,
            duration_ms=12_000,
        )
    reveal = battle_for(battle, None).reveal
    assert reveal
    a = reveal["A"]
    assert (a.cost_usd, a.price_source) == (0.75, "OpenAI’s prices; reported by its server")
    assert (a.earlier_cost_usd, a.tokens_per_second, a.cost_is_unknown_because) == (0.125, 20.0, "")


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ({}, "its server did not tell all token counts"),
        ({"input_tokens": 5}, "its server did not tell all token counts"),
        ({"input_tokens": 5, "output_tokens": 9}, "nobody tells its price"),
    ],
)
def test_reveal_tells_why_a_cost_is_not_known(counts: dict[str, int], why: str) -> None:
    battle = battle_with_names(blind=False)
    Response.objects.filter(turn__battle=battle).update(**counts)
    reveal = battle_for(battle, None).reveal
    assert reveal
    assert (reveal["A"].cost_usd, reveal["A"].cost_is_unknown_because) == (None, why)


@pytest.mark.parametrize(
    ("outcome", "what"),
    [
        ({"status": ResponseStatus.FAILED}, "B failed"),
        ({"status": ResponseStatus.STOPPED}, "B was stopped"),
        ({"reasoning": "", "answer": ""}, "B wrote nothing"),
    ],
)
def test_voter_is_told_before_voting_that_the_ballot_will_not_be_ranked(outcome: dict[str, str], what: str) -> None:
    battle = battle_with_names()
    Response.objects.filter(seat__slot="B").update(**outcome)
    seen = battle_for(battle, make_voter())
    assert seen.may_vote
    assert seen.unranked_because == f"{what}, so ballots on this battle are kept but not ranked."


@pytest.mark.parametrize(
    ("outcomes", "what"),
    [
        ({"A": "stopped", "B": "stopped"}, "A and B were stopped"),
        ({"A": "stopped", "B": "stopped", "C": "failed"}, "A and B were stopped, and C failed"),
        ({"A": "failed", "B": "stopped", "C": "failed"}, "A and C failed, and B was stopped"),
        ({"A": "failed", "B": "failed", "C": "failed"}, "A, B and C failed"),
    ],
)
def test_several_reasons_are_told_in_one_sentence(outcomes: dict[str, str], what: str) -> None:
    battle = make_finished_battle(3)
    for slot, status in outcomes.items():
        Response.objects.filter(turn__battle=battle, seat__slot=slot).update(status=status)
    told = battle_for(battle, None).unranked_because
    assert told == f"{what}, so ballots on this battle are kept but not ranked."


def test_nothing_to_judge_means_no_vote() -> None:
    battle = battle_with_names()
    Response.objects.update(status=ResponseStatus.FAILED, reasoning="", answer="")
    assert not battle_for(battle, make_voter()).may_vote


def test_only_the_starter_may_steer_and_only_before_the_reveal() -> None:
    starter = make_voter()
    battle = make_finished_battle(voter=starter)
    assert battle_for(battle, starter).may_steer
    assert not battle_for(battle, make_voter()).may_steer
    cast_ballot(battle, make_voter(), verdicts={"A": "correct", "B": "flawed"})
    assert not battle_for(battle, starter).may_steer


def test_number_of_queries_does_not_grow() -> None:
    def queries(slots: int, turns: int, ballots: int) -> int:
        battle, voter = make_finished_battle(slots), make_voter()
        for index in range(1, turns):
            turn = battle.turns.create(index=index, prompt="Why?")
            for seat in battle.seats.all():
                turn.responses.create(seat=seat, status="finished", answer="So.")
        verdicts = dict.fromkeys("ABCDEF"[:slots], "correct")
        for someone in [voter, *(make_voter() for _ in range(ballots - 1))]:
            cast_ballot(battle, someone, verdicts=verdicts, best="A")
        battle = Battle.objects.select_related("problem").get(pk=battle.pk)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            battle_for(battle, voter)
        return len(captured)

    assert queries(2, 1, 1) == queries(6, 3, 5) <= 9
