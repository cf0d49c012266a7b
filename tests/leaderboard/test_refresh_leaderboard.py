from collections.abc import Sequence
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from arena.battles.models import Battle, Response, ResponseStatus
from arena.contestants.models import Contestant, DrawAim
from arena.leaderboard import services
from arena.leaderboard.models import Snapshot
from arena.leaderboard.queries import latest_snapshot
from arena.leaderboard.rows import Row
from arena.leaderboard.services import refresh_leaderboard
from arena.teams.models import User
from arena.teams.standing import exclude, take_back
from arena.voting.services import cast_ballot
from tests.factories import make_contestant, make_finished_battle, make_voter

pytestmark = pytest.mark.django_db


def vote(contestants: Sequence[Contestant], judgements: str, best: str | None = None, *, blind: bool = True) -> Battle:
    """A ballot on a new battle of these contestants; `judgements` has a letter per slot: c, f or u."""
    battle = make_finished_battle(contestants=contestants, blind=blind)
    vote_on(battle, judgements, best)
    return battle


def vote_on(battle: Battle, judgements: str, best: str | None = None) -> None:
    word = {"c": "correct", "f": "flawed", "u": "unsure"}
    verdicts = {slot: word[letter] for slot, letter in zip("ABCDEF", judgements, strict=False)}
    cast_ballot(battle, make_voter(), verdicts=verdicts, best=best)


def rows(board: str) -> dict[str, dict[str, object]]:
    snapshot = latest_snapshot(board)
    assert snapshot
    return {row["slug"]: row for row in snapshot.rows}


@pytest.fixture
def pair() -> list[Contestant]:
    return [make_contestant("ann", name="Ann"), make_contestant("bob", name="Bob", simulated=True)]


def test_first_vote_puts_both_contestants_on_both_boards(pair: list[Contestant]) -> None:
    vote(pair, "cf", "A")
    assert {snapshot.board for snapshot in refresh_leaderboard()} == {"reasoning", "preference"}
    for board in ("reasoning", "preference"):
        ann, bob = rows(board)["ann"], rows(board)["bob"]
        assert (ann["rank"], bob["rank"]) == (1, 2)
        assert (ann["rank_low"], ann["rank_high"], ann["too_few_battles"]) == (1, 2, True)
        assert ann["low"] < bob["rating"] < 1000 < ann["rating"] < ann["high"]
        assert (ann["battles"], ann["ballots"], ann["decided_battles"], ann["group"]) == (1, 1, 1, 0)
        assert (ann["correct_rate"], bob["correct_rate"]) == (1, 0)


def test_row_has_every_field_and_says_who_is_simulated(pair: list[Contestant]) -> None:
    vote(pair, "cf", "A")
    refresh_leaderboard()
    bob = rows("reasoning")["bob"]
    assert bob.keys() == Row.__annotations__.keys()
    assert (bob["name"], bob["simulated"], bob["active"]) == ("Bob (simulated)", True, True)


def test_pairs_count_wins_losses_ties_and_battles(pair: list[Contestant]) -> None:
    battle = vote(pair, "cf", "A")
    vote_on(battle, "fc", "tie")
    vote(pair[::-1], "cf", "A")
    refresh_leaderboard()
    reasoning, preference = latest_snapshot("reasoning"), latest_snapshot("preference")
    assert reasoning and preference
    assert reasoning.pairs == [{"a": "ann", "b": "bob", "wins": 1, "losses": 2, "ties": 0, "battles": 2}]
    assert preference.pairs == [{"a": "ann", "b": "bob", "wins": 1, "losses": 1, "ties": 1, "battles": 2}]
    assert (reasoning.ballots, reasoning.battles) == (3, 2)


def test_ballot_that_does_not_count_changes_nothing(pair: list[Contestant]) -> None:
    vote(pair, "cf", "A", blind=False)
    assert refresh_leaderboard() == []
    assert latest_snapshot("reasoning") is None


def test_judged_alike_gives_a_rate_but_no_rating(pair: list[Contestant]) -> None:
    vote(pair, "cc")
    refresh_leaderboard()
    ann = rows("reasoning")["ann"]
    assert (ann["rank"], ann["rank_low"], ann["rating"], ann["low"], ann["group"]) == (None,) * 5
    assert (ann["correct_rate"], ann["battles"], ann["decided_battles"]) == (1, 1, 0)
    assert latest_snapshot("preference") is None


def test_voter_who_cannot_tell_leaves_the_boards_empty(pair: list[Contestant]) -> None:
    vote(pair, "uu")
    assert refresh_leaderboard() == []


def test_nothing_new_saves_nothing(pair: list[Contestant]) -> None:
    vote(pair, "cf", "A")
    assert len(refresh_leaderboard()) == 2
    vote(pair, "uu")
    assert refresh_leaderboard() == []
    vote(pair, "cf")
    assert refresh_leaderboard() != []


def test_board_of_a_machine_whose_clock_is_behind_is_still_the_newest(pair: list[Contestant]) -> None:
    vote(pair, "cf")
    refresh_leaderboard()
    Snapshot.objects.update(updated_at=timezone.now() + timedelta(minutes=3))  # by another, whose clock is ahead
    vote(pair, "cf")
    refresh_leaderboard()
    snapshot = latest_snapshot("reasoning")
    assert snapshot and snapshot.ballots == 2


def test_retired_contestant_keeps_its_place(pair: list[Contestant]) -> None:
    vote(pair, "cf", "A")
    Contestant.objects.filter(slug="ann").update(active=False)
    refresh_leaderboard()
    assert (rows("reasoning")["ann"]["rank"], rows("reasoning")["ann"]["active"]) == (1, False)


def test_figures_are_of_finished_responses_and_unknown_ones_stay_unknown(pair: list[Contestant]) -> None:
    for cost, milliseconds, tokens in [(0.25, 100, 10), (0.5, 5_000, 21), (None, 300, None)]:
        battle = vote(pair, "cf")
        Response.objects.filter(turn__battle=battle, seat__contestant__slug="ann").update(
            cost_usd=cost, first_token_ms=milliseconds, output_tokens=tokens
        )
    failed = make_finished_battle(contestants=pair)
    Response.objects.filter(turn__battle=failed).update(status=ResponseStatus.FAILED, cost_usd=9, first_token_ms=9)
    refresh_leaderboard()
    ann, bob = rows("reasoning")["ann"], rows("reasoning")["bob"]
    assert (ann["cost_per_answer_usd"], ann["first_token_ms"], ann["output_tokens"]) == (0.375, 300, 16)
    assert (bob["cost_per_answer_usd"], bob["first_token_ms"], bob["output_tokens"]) == (None, None, None)


def test_contestants_that_never_met_directly_or_indirectly_are_in_groups() -> None:
    trio, duo = [make_contestant() for _ in range(3)], [make_contestant() for _ in range(2)]
    vote(duo, "cf")
    vote(trio, "cff")
    refresh_leaderboard()
    by_slug = rows("reasoning")
    assert [by_slug[contestant.slug]["group"] for contestant in trio + duo] == [0, 0, 0, 1, 1]
    assert [by_slug[contestant.slug]["rank"] for contestant in trio + duo] == [1, 2, 2, 1, 2]


def test_old_snapshots_are_dropped(pair: list[Contestant], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "KEPT_SNAPSHOTS", 2)
    for _ in range(4):
        vote(pair, "cf")
        refresh_leaderboard()
    kept = Snapshot.objects.order_by("pk")
    assert [snapshot.ballots for snapshot in kept] == [3, 4]


def test_number_of_queries_does_not_grow(pair: list[Contestant]) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            refresh_leaderboard()
        return len(captured)

    vote(pair, "cf")
    refresh_leaderboard()
    vote(pair, "cf")
    few = queries()
    for _ in range(5):
        vote([*pair, make_contestant()], "cfc")
    assert queries() == few


def test_command_says_what_it_counted(pair: list[Contestant]) -> None:
    vote(pair, "cf")
    out = StringIO()
    call_command("refresh_leaderboard", stdout=out)
    assert out.getvalue() == "reasoning: ballots 1, battles 1.\npreference: nothing new.\n"


def test_battle_that_is_still_blind_moves_nothing(pair: list[Contestant]) -> None:
    vote(pair, "cf", "A")
    Response.objects.update(output_tokens=100, cost_usd=0.5, first_token_ms=200)
    refresh_leaderboard()
    unseen = make_finished_battle(contestants=pair)
    of_unseen = Response.objects.filter(turn__battle=unseen)
    of_unseen.update(output_tokens=900, cost_usd=2.5, first_token_ms=4000)
    assert refresh_leaderboard() == []
    vote_on(unseen, "cf", "A")
    refresh_leaderboard()
    assert rows("reasoning")["ann"]["output_tokens"] == 500


def test_open_battle_counts_in_the_figures_before_any_vote(pair: list[Contestant]) -> None:
    vote(pair, "cf", "A")
    open_battle = make_finished_battle(contestants=pair, blind=False)
    Response.objects.filter(turn__battle=open_battle).update(output_tokens=900)
    refresh_leaderboard()
    assert rows("reasoning")["ann"]["output_tokens"] == 900


def aim() -> DrawAim:
    return DrawAim.objects.get()


def test_draw_is_aimed_at_what_the_ballots_leave_open(pair: list[Contestant]) -> None:
    ann, bob = pair
    Contestant.objects.update(simulated=False)
    for judgements in ("cf", "cf", "fc"):
        vote(pair, judgements, "A")
    refresh_leaderboard()
    assert aim().pairs == [[ann.pk, bob.pk, 1.0]]
    assert aim().newcomers == [ann.pk, bob.pk]


def test_before_the_first_ballot_everybody_is_a_newcomer(pair: list[Contestant]) -> None:
    refresh_leaderboard()
    assert (aim().pairs, aim().newcomers) == ([], [pair[0].pk])  # the simulated one steps back


def test_who_cannot_be_drawn_is_not_aimed_at() -> None:
    trio = [make_contestant(slug) for slug in ("ann", "bob", "cyd")]
    for fields in ({"active": False}, {"is_available": False}, {"weight": 0}):
        make_contestant("away", **fields)
        vote([*trio, Contestant.objects.get(slug="away")], "cfuf", "A")
        refresh_leaderboard()
        away = Contestant.objects.get(slug="away")
        assert away.pk not in {pk for one, other, _ in aim().pairs for pk in (one, other)} | set(aim().newcomers)
        Contestant.objects.filter(slug="away").update(slug=f"away-{away.pk}")


def test_contestant_in_enough_battles_on_either_board_is_no_newcomer(
    pair: list[Contestant], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.ratings, "ENOUGH_BATTLES", 2)
    Contestant.objects.update(simulated=False)
    newcomer = make_contestant()
    for _ in range(2):
        vote(pair, "uu", "A")
    refresh_leaderboard()
    assert aim().newcomers == [newcomer.pk]


def test_boards_have_equal_parts_in_the_aim() -> None:
    """On one board the first two are close, on the other the last two."""
    trio = [make_contestant() for _ in range(3)]
    for judgements, best in (("cff", "B"), ("ccf", "C"), ("cfc", "B"), ("cff", "C")):
        for _ in range(3):
            vote(trio, judgements, best)
    refresh_leaderboard()
    shares = {(one, other): share for one, other, share in aim().pairs}
    assert sum(shares.values()) == pytest.approx(1)
    assert shares[trio[1].pk, trio[2].pk] > 0.5


def test_aim_stays_one_row(pair: list[Contestant]) -> None:
    for _ in range(3):
        vote(pair, "cf", "A")
        refresh_leaderboard()
    assert DrawAim.objects.count() == 1
    assert aim().updated_at > timezone.now() - timedelta(minutes=1)


def test_what_excluded_voters_say_is_left_out_until_they_are_taken_back(pair: list[Contestant]) -> None:
    operator = User.objects.create_user("olga")
    vote(pair, "cf", "A")
    battle = make_finished_battle(contestants=pair)
    stuffer = make_voter()
    cast_ballot(battle, stuffer, verdicts={"A": "flawed", "B": "correct"}, best="B")
    refresh_leaderboard()
    before = rows("reasoning")
    exclude([stuffer], by=operator, reason="Always B.")
    refresh_leaderboard()
    without = rows("reasoning")
    assert (before["ann"]["ballots"], without["ann"]["ballots"]) == (2, 1)
    assert (before["ann"]["rating"], without["ann"]["rank"]) == (before["bob"]["rating"], 1)
    assert str(stuffer) not in str(latest_snapshot("reasoning").__dict__)
    later = make_finished_battle(contestants=pair)
    cast_ballot(later, stuffer, verdicts={"A": "flawed", "B": "correct"}, best="B")
    assert refresh_leaderboard() == []
    take_back([stuffer], by=operator)
    refresh_leaderboard()
    assert rows("reasoning")["ann"]["ballots"] == 3
