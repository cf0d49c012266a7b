from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError
from pytest_django import DjangoCaptureOnCommitCallbacks

from arena.battles.errors import NotNow
from arena.battles.models import Battle, Response, ResponseStatus
from arena.battles.services import add_turn
from arena.teams.models import Voter
from arena.voting import services
from arena.voting.errors import (
    AlreadyVoted,
    BestRefused,
    CommentRefused,
    FirstFlawRefused,
    NotYet,
    TagRefused,
    VerdictRefused,
    VotingError,
)
from arena.voting.models import Ballot, Uncounted, Verdict
from arena.voting.services import cast_ballot
from arena.voting.signals import ballot_cast
from tests.factories import make_battle, make_finished_battle, make_voter

pytestmark = pytest.mark.django_db

VERDICTS = {"A": "correct", "B": "flawed"}


@pytest.fixture
def heard() -> Iterator[list[Ballot]]:
    """The ballots that listeners were told of."""
    ballots: list[Ballot] = []

    def listen(ballot: Ballot, **_: object) -> None:
        ballots.append(ballot)

    ballot_cast.connect(listen)
    yield ballots
    ballot_cast.disconnect(listen)


def test_ballot_is_saved_with_a_verdict_for_every_slot() -> None:
    ballot = cast_ballot(
        make_finished_battle(),
        make_voter(),
        verdicts=VERDICTS,
        best="A",
        first_flaws={"B": 2},
        tags={"B": ["circular", "too-long", "circular"]},
        comment=" Nice. ",
    )
    a, b = ballot.verdicts.all()
    assert (a.judgement, a.first_flaw, a.tags) == ("correct", None, [])
    assert (b.judgement, b.first_flaw, b.tags) == ("flawed", 2, ["circular", "too-long"])
    assert (ballot.best, ballot.comment, ballot.uncounted_because) == ("A", "Nice.", "")


def test_someone_who_cannot_tell_may_cast_a_ballot_without_a_pick() -> None:
    ballot = cast_ballot(make_finished_battle(), make_voter(), verdicts={"A": "unsure", "B": "unsure"}, best=None)
    assert ballot.best == ""


def test_ballot_closes_the_battle_to_further_turns() -> None:
    voter = make_voter()
    battle = make_finished_battle(voter=voter)
    cast_ballot(battle, make_voter(), verdicts=VERDICTS)
    assert battle.revealed_at
    with pytest.raises(NotNow):
        add_turn(battle, voter, prompt="And then?")


def test_second_voter_leaves_the_time_of_the_reveal() -> None:
    battle = make_finished_battle()
    cast_ballot(battle, make_voter(), verdicts=VERDICTS)
    first = battle.revealed_at
    cast_ballot(battle, make_voter(), verdicts=VERDICTS)
    assert battle.revealed_at == first


def test_listeners_hear_of_a_ballot_after_commit(
    heard: list[Ballot], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        ballot = cast_ballot(make_finished_battle(), make_voter(), verdicts=VERDICTS)
        assert heard == []
    assert heard == [ballot]


def test_listener_that_fails_does_not_fail_the_ballot(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("listener")

    ballot_cast.connect(fail)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            ballot = cast_ballot(make_finished_battle(), make_voter(), verdicts=VERDICTS)
    finally:
        ballot_cast.disconnect(fail)
    assert Ballot.objects.get() == ballot


def refuse(error: type[VotingError], battle: Battle, voter: Voter | None = None, **ballot: Any) -> VotingError:
    """Cast this ballot, see that it is refused and that nothing is stored; returns the error."""
    before = Ballot.objects.count()
    revealed_at = battle.revealed_at
    with pytest.raises(error) as refusal:
        cast_ballot(battle, voter or make_voter(), **{"verdicts": VERDICTS, **ballot})
    assert Ballot.objects.count() == before
    assert Verdict.objects.count() == before * 2
    assert Battle.objects.get(pk=battle.pk).revealed_at == revealed_at
    str(refusal.value).encode()
    return refusal.value


def test_ballot_on_a_running_battle_is_refused() -> None:
    assert refuse(NotYet, make_battle()).status == 409


def test_ballot_is_refused_when_nobody_wrote_anything() -> None:
    battle = make_finished_battle()
    Response.objects.update(status=ResponseStatus.FAILED, reasoning="", answer="", failure_code="unreachable")
    assert refuse(NotYet, battle).status == 409


def test_second_ballot_of_a_voter_is_refused() -> None:
    battle, voter = make_finished_battle(), make_voter()
    cast_ballot(battle, voter, verdicts=VERDICTS)
    assert refuse(AlreadyVoted, battle, voter).status == 409


def test_two_ballots_of_a_voter_at_once_leave_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second got past the check before the first was saved: the constraint stops it."""
    battle, voter = make_finished_battle(), make_voter()
    save = services._save

    def overtaken(ballot: Ballot) -> Ballot:
        Ballot.objects.create(battle=battle, voter=voter)
        return save(ballot)

    monkeypatch.setattr(services, "_save", overtaken)
    with pytest.raises(AlreadyVoted) as refusal:
        cast_ballot(battle, voter, verdicts=VERDICTS)
    assert isinstance(refusal.value.__cause__, IntegrityError)


@pytest.mark.parametrize(
    "verdicts",
    [
        {},
        {"A": "correct"},
        {"A": "correct", "B": "wrong"},
        {"A": "correct", "B": "flawed", "C": "flawed"},
        {"A": "correct", "B": ""},
        {"A": "correct", "\ud83d": "flawed"},
    ],
)
def test_verdicts_that_are_not_one_per_slot_are_refused(verdicts: dict[str, str]) -> None:
    assert refuse(VerdictRefused, make_finished_battle(), verdicts=verdicts).field == "verdicts"


@pytest.mark.parametrize("best", ["C", "a", "both", "\0"])
def test_best_that_is_neither_a_slot_nor_a_tie_is_refused(best: str) -> None:
    assert refuse(BestRefused, make_finished_battle(), best=best).field == "best"


@pytest.mark.parametrize("first_flaws", [{"B": 0}, {"B": -1}, {"B": 3}, {"B": True}, {"B": "1"}, {"A": 1}, {"C": 1}])
def test_first_flaw_that_is_no_step_of_a_flawed_slot_is_refused(first_flaws: dict[str, int]) -> None:
    error = refuse(FirstFlawRefused, make_finished_battle(), first_flaws=first_flaws)
    assert (error.status, error.field) == (422, "first_flaws")


def test_first_flaw_of_a_slot_without_steps_is_refused() -> None:
    battle = make_finished_battle()
    Response.objects.filter(seat__slot="B").update(steps=[])
    assert "no numbered steps" in str(refuse(FirstFlawRefused, battle, first_flaws={"B": 1}))


def test_first_flaw_counts_the_steps_of_the_last_turn() -> None:
    voter = make_voter()
    battle = make_finished_battle(voter=voter)
    turn = add_turn(battle, voter, prompt="Why?")
    turn.responses.update(status=ResponseStatus.FINISHED, answer="So.", steps=[[0, 3]])
    Battle.objects.update(status="finished")
    refuse(FirstFlawRefused, battle, first_flaws={"B": 2})
    cast_ballot(battle, voter, verdicts=VERDICTS, first_flaws={"B": 1})


@pytest.mark.parametrize("tags", [{"B": ["boring"]}, {"C": ["circular"]}, {"A": ["circular", ""]}])
def test_unknown_tag_is_refused(tags: dict[str, list[str]]) -> None:
    assert refuse(TagRefused, make_finished_battle(), tags=tags).field == "tags"


@pytest.mark.parametrize("comment", ["x" * 5_001, "a\0b", "\ud83d"])
def test_comment_that_cannot_be_kept_is_refused(comment: str) -> None:
    assert refuse(CommentRefused, make_finished_battle(), comment=comment).field == "comment"


def test_ballot_on_an_open_battle_is_kept_but_not_counted() -> None:
    ballot = cast_ballot(make_finished_battle(blind=False), make_voter(), verdicts=VERDICTS)
    assert ballot.uncounted_because == Uncounted.OPEN


@pytest.mark.parametrize(
    "outcome",
    [
        {"status": ResponseStatus.FAILED, "failure_code": "truncated"},
        {"status": ResponseStatus.STOPPED},
        {"reasoning": "", "answer": ""},
    ],
)
def test_ballot_on_a_battle_with_a_lame_slot_is_kept_but_not_counted(outcome: dict[str, str]) -> None:
    battle = make_finished_battle()
    Response.objects.filter(seat__slot="B").update(**outcome)
    ballot = cast_ballot(battle, make_voter(), verdicts=VERDICTS)
    assert ballot.uncounted_because == Uncounted.SLOT_FAILED
