"""What a voter learns once they have voted: what was right, what others said, how their own ballots compare."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from arena.battles.models import Battle, Response
from arena.problems.models import Problem
from arena.teams.models import User, Voter
from arena.teams.services import issue_token
from arena.teams.standing import exclude
from arena.voting.queries import Reference, battle_for
from arena.voting.record import Record, record_of
from arena.voting.services import cast_ballot
from tests.factories import make_battle, make_finished_battle, make_voter

pytestmark = pytest.mark.django_db

AB = {"A": "correct", "B": "flawed"}
BA = {"A": "flawed", "B": "correct"}


@pytest.fixture
def strawberry() -> Problem:
    return Problem.objects.create(
        slug="strawberry",
        title="Strawberry",
        statement="How many r?",
        category="Counting",
        answer="3",
        checker="number",
    )


def about(problem: Problem | None, **answers: str) -> Battle:
    battle = make_finished_battle()
    battle.problem = problem
    battle.save(update_fields=["problem"])
    for slot, answer in answers.items():
        Response.objects.filter(seat__battle=battle, seat__slot=slot).update(answer=answer)
    return battle


def others_say(battle: Battle, *ballots: dict[str, str]) -> None:
    for verdicts in ballots:
        cast_ballot(battle, make_voter(), verdicts=verdicts, best="A")


def test_the_reference_is_shown_after_the_vote_with_who_agrees(strawberry: Problem) -> None:
    battle, voter = about(strawberry, A="There are 3.", B="There are 2."), make_voter()
    assert battle_for(battle, voter).reference is None
    cast_ballot(battle, voter, verdicts=AB)
    assert battle_for(battle, voter).reference == Reference("3", {"A": True, "B": False})


def test_without_a_problem_or_its_answer_nobody_knows_what_is_right(strawberry: Problem) -> None:
    Problem.objects.update(answer="")
    strawberry.refresh_from_db()
    for problem in (strawberry, None):
        battle, voter = about(problem), make_voter()
        cast_ballot(battle, voter, verdicts=AB)
        assert battle_for(battle, voter).reference is None


def test_only_the_first_turn_is_compared(strawberry: Problem) -> None:
    battle, voter = about(strawberry, A="3", B="Some."), make_voter()
    turn = battle.turns.create(index=1, prompt="And p?")
    for seat in battle.seats.all():
        turn.responses.create(seat=seat, status="finished", answer="0")
    cast_ballot(battle, voter, verdicts=AB)
    reference = battle_for(battle, voter).reference
    assert reference
    assert (reference.matches, reference.is_compared) == ({"A": True, "B": None}, True)


def test_others_are_everybody_but_me() -> None:
    battle, voter = about(None), make_voter()
    cast_ballot(battle, voter, verdicts=AB, best="tie")
    alone = battle_for(battle, voter).others
    assert alone
    assert (alone.ballots, alone.picks, alone.verdicts["A"]) == (0, 0, {"correct": 0, "flawed": 0, "unsure": 0})
    others_say(battle, AB, BA, BA)
    seen = battle_for(battle, voter)
    assert seen.others
    assert (seen.others.ballots, seen.others.verdicts["A"]["correct"], seen.others.verdicts["A"]["flawed"]) == (3, 1, 2)
    assert seen.others.best == {"A": 3, "B": 0, "tie": 0}
    assert seen.tally
    assert (seen.tally.ballots, seen.tally.best["tie"]) == (4, 1)


def test_what_excluded_voters_say_is_heard_by_themselves_alone() -> None:
    battle, voter, stuffer = about(None), make_voter(), make_voter()
    cast_ballot(battle, voter, verdicts=AB)
    cast_ballot(battle, stuffer, verdicts=BA, best="B")
    exclude([stuffer], by=User.objects.create_user("olga"), reason="So.")
    seen = battle_for(battle, voter)
    assert seen.others
    assert seen.tally
    assert (seen.others.ballots, seen.tally.ballots, seen.ballot_count, seen.tally.best["B"]) == (0, 1, 1, 0)
    unsuspecting = battle_for(battle, stuffer)
    assert unsuspecting.tally
    assert (unsuspecting.tally.ballots, unsuspecting.tally.best["B"], unsuspecting.unranked_because) == (2, 1, "")
    assert record_of(voter).compared == 0


def test_a_record_counts_what_can_be_compared(strawberry: Problem) -> None:
    voter = make_voter()
    agreed, outvoted, split, alone = (about(None) for _ in range(4))
    others_say(agreed, AB)
    others_say(outvoted, BA, BA, AB)
    others_say(split, AB, BA)
    for battle in (agreed, outvoted, split, alone):
        cast_ballot(battle, voter, verdicts=AB)
    open_one = make_finished_battle(blind=False)
    cast_ballot(open_one, voter, verdicts={"A": "unsure", "B": "unsure"})
    right, wrong = about(strawberry, A="3", B="2"), about(strawberry, A="2", B="3")
    vague = about(strawberry, A="Three.", B="3")
    for battle in (right, wrong, vague):
        cast_ballot(battle, voter, verdicts=AB)
    assert record_of(voter) == Record(ballots=8, ranked=7, compared=4, agreed=2, checked=2, confirmed=1)


def test_a_record_begins_with_nothing() -> None:
    assert record_of(None) == record_of(make_voter()) == Record()


def test_a_record_takes_the_same_queries_whatever_was_cast(strawberry: Problem) -> None:
    voter = make_voter()

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            record_of(voter)
        return len(captured)

    cast_ballot(about(strawberry, A="3"), voter, verdicts=AB)
    few = queries()
    for _ in range(5):
        cast_ballot(about(strawberry, A="3"), voter, verdicts=AB)
    assert queries() == few <= 5


def voted(client: Client, battle: Battle) -> str:
    answer = client.post(
        f"{battle.get_absolute_url()}ballot/", {"verdict-A": "correct", "verdict-B": "flawed", "best": "A"}, follow=True
    )
    assert answer.status_code == 200
    return answer.text


def test_the_page_says_all_of_it(client: Client, strawberry: Problem) -> None:
    battle = about(strawberry, A="It is 3.", B="It is 2.")
    others_say(battle, AB, BA)
    before = client.get(battle.get_absolute_url()).text
    for said in ("What was right", "How others voted", "Your record so far", "the reference"):
        assert said not in before
    page = voted(client, battle)
    assert "answer as in the reference" in page
    assert "another answer than the reference" in page
    assert "2 others: 1 correct, 1 flawed, 0 can’t tell; best 2×" in page
    assert page.count("1 of 2 judged as you did") == 2
    assert "1 of 1 answer you found correct" in page
    assert "A machine compared where the answers end" in page


def test_the_page_says_where_nothing_is_known(client: Client) -> None:
    page = voted(client, about(None))
    assert "Nobody has entered a reference answer to this question." in page
    assert "Nobody else has judged this battle yet." in page
    assert page.count("nothing to compare yet") == 2


def test_programs_are_told_too(client: Client, strawberry: Problem) -> None:
    headers = {"Authorization": f"Bearer {issue_token('ada')}"}
    battle = about(strawberry, A="3", B="Some.")
    path = f"/api/v1/battles/{battle.pk}"
    assert client.get(path, headers=headers).json()["reference"] is None
    nothing = {"ballots": 0, "ranked": 0, "compared": 0, "agreed": 0, "checked": 0, "confirmed": 0}
    assert client.get("/api/v1/record", headers=headers).json() == nothing
    body = client.put(f"{path}/ballot", {"verdicts": AB}, "application/json", headers=headers).json()
    assert body["reference"] == {"answer": "3", "matches": {"A": True, "B": None}}
    record = client.get("/api/v1/record", headers=headers).json()
    assert (record["ballots"], record["checked"], record["confirmed"]) == (1, 1, 1)


def test_open_battles_are_kept_and_never_ranked() -> None:
    voter = make_voter()
    ballot = cast_ballot(make_finished_battle(blind=False), voter, verdicts=AB, best="A")
    assert ballot.uncounted_because == "open"
    assert record_of(voter) == Record(ballots=1)


def test_a_running_battle_says_nothing_of_all_that(strawberry: Problem) -> None:
    battle = make_battle()
    voter: Voter = make_voter()
    seen = battle_for(battle, voter)
    assert (seen.tally, seen.others, seen.reference) == (None, None, None)
