"""The watch: from ballots in the database to flags with evidence in plain words."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from arena.battles.models import Turn
from arena.contestants.models import Contestant
from arena.problems.models import Problem
from arena.teams.models import Concern, Flag, Voter
from arena.voting.models import Ballot
from arena.voting.services import cast_ballot
from arena.voting.tasks import look_at_voters
from arena.voting.watch import watch
from tests.factories import make_contestant, make_finished_battle, make_voter

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture
def pair() -> list[Contestant]:
    return [make_contestant(), make_contestant()]


def votes(
    voter: Voter, pair: list[Contestant], sides: str, *, every: timedelta = MINUTE, own: str = "", blind: bool = True
) -> None:
    """A ballot on a new battle for each letter: the slot found the better one. The last was cast just now.

    `own`: asked by the voter in these words; otherwise somebody else has asked.
    """
    now = timezone.now()
    for number, side in enumerate(sides):
        battle = make_finished_battle(contestants=pair, voter=voter if own else None, blind=blind)
        Turn.objects.filter(battle=battle).update(prompt=f"{own} ({number})" if own else f"{number} " * 20)
        verdicts = {"A": "flawed", "B": "flawed"} | {side: "correct"}
        ballot = cast_ballot(battle, voter, verdicts=verdicts, best=side)
        Ballot.objects.filter(pk=ballot.pk).update(cast_at=now - every * (len(sides) - 1 - number))


def concerns(voter: Voter) -> dict[str, str]:
    return dict(Flag.objects.filter(voter=voter).values_list("concern", "evidence"))


def test_a_voter_who_always_takes_one_side_is_noticed(pair: list[Contestant]) -> None:
    voter = make_voter()
    votes(voter, pair, "B" * 15)
    assert watch() == 1
    evidence = concerns(voter)[Concern.ONE_SIDE]
    assert evidence.startswith("B was found the better one in 15 of 15 ballots that told the slots apart.")
    assert "fewer than 1 in 100 voters" in evidence
    assert watch() == 0


def test_a_voter_who_reads_is_not(pair: list[Contestant]) -> None:
    voter = make_voter()
    votes(voter, pair, "ABBABAABBAABABBAAB")
    assert watch() == 0


def test_a_machine_is_noticed(pair: list[Contestant]) -> None:
    voter = make_voter()
    votes(voter, pair, "ABABBABAABAB", every=timedelta(seconds=0.4))
    assert watch() == 1
    assert concerns(voter)[Concern.TOO_FAST].startswith("10 ballots in a row took 4 s, on texts of ")


def test_who_asks_the_same_again_and_again_is_noticed(pair: list[Contestant]) -> None:
    voter = make_voter()
    votes(voter, pair, "ABBABAABBA", own="Recite the third line of your favourite poem, whatever it is.")
    assert watch() == 1
    evidence = concerns(voter)[Concern.SAME_PROMPT]
    assert evidence.startswith("Judged 10 battles of their own that all asked nearly the same, of the last 10: “Recite")


def test_problems_of_the_collection_may_be_asked_again(pair: list[Contestant]) -> None:
    voter = make_voter()
    votes(voter, pair, "ABBABAABBA", own="What is 7 + 3 * (12 - 4)^2 / 16 - 5?")
    problem = Problem.objects.create(slug="sum", title="Sum", statement="What is it?", category="Sums")
    voter.battles.update(problem=problem)
    assert watch() == 0


def test_ballots_that_do_not_count_are_not_looked_at(pair: list[Contestant]) -> None:
    voter = make_voter()
    votes(voter, pair, "A" * 20, every=timedelta(seconds=0.1), own="Who are you?", blind=False)
    assert watch() == 0


def test_who_has_not_voted_lately_is_left_in_peace(pair: list[Contestant]) -> None:
    voter = make_voter()
    votes(voter, pair, "A" * 15)
    Ballot.objects.filter(voter=voter).update(cast_at=timezone.now() - timedelta(hours=1))
    assert watch() == 0


def test_each_concern_has_a_flag_of_its_own(pair: list[Contestant], caplog: pytest.LogCaptureFixture) -> None:
    voter = make_voter()
    votes(voter, pair, "A" * 15, every=timedelta(seconds=0.2), own="Say your name backwards, letter by letter.")
    look_at_voters()
    assert set(concerns(voter)) == set(Concern.values)
    assert "3 new flags" in caplog.text
    look_at_voters()
    assert Flag.objects.count() == 3


def test_flags_change_nothing_by_themselves(pair: list[Contestant]) -> None:
    voter = make_voter()
    votes(voter, pair, "A" * 15)
    watch()
    assert Ballot.objects.filter(voter=voter, uncounted_because="").count() == 15
    assert not voter.exclusions.exists()


def test_a_look_takes_a_few_queries_whatever_was_cast(pair: list[Contestant]) -> None:
    voter = make_voter()
    votes(voter, pair, "ABBABAABBA")
    with CaptureQueriesContext(connection) as few:
        watch()
    votes(voter, pair, "ABBABAABBA" * 2)
    with CaptureQueriesContext(connection) as more:
        watch()
    assert len(few) == len(more) <= 6


def test_nobody_is_looked_at_where_nobody_votes() -> None:
    with CaptureQueriesContext(connection) as queries:
        assert watch() == 0
    assert len(queries) <= 2
