import pytest

from arena.battles.errors import PromptRefused, TooFewContestants, UnknownContestant, WrongSize
from arena.battles.models import Battle
from arena.battles.services import start_battle
from tests.factories import make_contestant, make_voter

pytestmark = pytest.mark.django_db


def test_every_slot_gets_a_contestant_and_a_waiting_response() -> None:
    for _ in range(3):
        make_contestant()
    battle = start_battle(make_voter(), prompt="Why?", size=3)
    assert [seat.slot for seat in battle.seats.all()] == ["A", "B", "C"]
    assert [response.status for response in battle.turns.get().responses.all()] == ["waiting"] * 3


def test_chosen_contestants_take_part() -> None:
    for slug in ("a", "b", "c", "d"):
        make_contestant(slug)
    battle = start_battle(make_voter(), prompt="Why?", size=2, contestants=["c", "a"])
    assert {seat.contestant.slug for seat in battle.seats.all()} == {"a", "c"}


@pytest.mark.parametrize("size", [-1, 0, 1, 7, 99])
def test_wrong_size_is_refused(size: int) -> None:
    with pytest.raises(WrongSize):
        start_battle(make_voter(), prompt="Why?", size=size)


def test_unknown_contestant_is_refused() -> None:
    with pytest.raises(UnknownContestant):
        start_battle(make_voter(), prompt="Why?", contestants=["nobody"])


def test_chosen_contestant_may_be_one_that_could_not_be_asked_a_while_ago() -> None:
    for slug, is_available in (("a", False), ("b", True), ("c", False)):
        make_contestant(slug, is_available=is_available)
    battle = start_battle(make_voter(), prompt="Why?", contestants=["a"])
    assert {seat.contestant.slug for seat in battle.seats.all()} == {"a", "b"}


@pytest.mark.parametrize("fields", [{"active": False}, {"simulated": True, "is_available": False}, {"simulated": True}])
def test_contestant_that_is_off_or_a_simulated_one_out_of_play_cannot_be_chosen(fields: dict[str, bool]) -> None:
    make_contestant("real")
    make_contestant("a", **fields)
    with pytest.raises(UnknownContestant):
        start_battle(make_voter(), prompt="Why?", contestants=["a", "real"])


def test_too_few_available_contestants_are_refused() -> None:
    make_contestant()
    make_contestant(is_available=False)
    with pytest.raises(TooFewContestants, match="there is one"):
        start_battle(make_voter(), prompt="Why?")


@pytest.mark.parametrize("prompt", ["", " \n", "a\0b", "\ud83d", "x" * 50_001])
def test_bad_prompt_is_refused_and_nothing_is_stored(prompt: str) -> None:
    make_contestant()
    make_contestant()
    with pytest.raises(PromptRefused):
        start_battle(make_voter(), prompt=prompt)
    assert not Battle.objects.exists()


@pytest.mark.parametrize("system", ["a\0b", "\ud83d", "x" * 50_001])
def test_bad_system_prompt_is_refused_by_its_own_name(system: str) -> None:
    make_contestant()
    make_contestant()
    with pytest.raises(PromptRefused, match="^The system prompt ") as refused:
        start_battle(make_voter(), prompt="Why?", system=system)
    assert refused.value.field == "system"


def test_simulated_contestants_step_back_when_a_real_one_is_available() -> None:
    make_contestant("real")
    make_contestant(simulated=True)
    make_contestant(simulated=True)
    with pytest.raises(TooFewContestants):
        start_battle(make_voter(), prompt="Why?")
