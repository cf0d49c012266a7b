"""A battle that would exceed a budget is refused with a sentence, and leaves nothing behind."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from arena.battles.charges import forget_past_days, measure_answers
from arena.battles.errors import BudgetSpent, NotNow, TooFewContestants, UnknownContestant
from arena.battles.models import Battle, BattleStatus, Charge, Response, ResponseStatus, SpendingDay
from arena.battles.services import add_turn, retry_response, stop_battle
from tests.budgets.spending import charged_usd, make_paid, make_team, make_user, start, visit
from tests.factories import make_contestant, make_voter

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def two() -> list[str]:
    """A battle of theirs is expected to cost two dollars."""
    return [make_paid(slug).slug for slug in ("ada", "bob")]


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    monkeypatch.setattr(timezone, "now", lambda: moment)


def end(battle: Battle, status: str = ResponseStatus.FINISHED, *, usd: float = 1.0) -> None:
    """As a worker leaves it whose server has told what each response cost."""
    Response.objects.filter(turn__battle=battle).update(status=status, answer="Because.")
    Battle.objects.filter(pk=battle.pk).update(status=BattleStatus.FINISHED)
    Charge.objects.filter(response__turn__battle=battle).update(is_settled=True, nano_usd=round(usd * 1e9))
    battle.refresh_from_db()


def test_without_a_budget_everything_is_allowed_and_written_down(two: list[str]) -> None:
    for _ in range(3):
        start()
    assert charged_usd() == 6.0
    assert not SpendingDay.objects.exists()


def test_what_costs_nothing_is_not_written_down_and_never_refused(settings: LazySettings) -> None:
    settings.ARENA_DAILY_BUDGET_USD = Decimal(0)
    make_contestant(simulated=True)
    make_contestant(simulated=True)
    start()
    assert not Charge.objects.exists()


def test_what_is_started_counts_before_it_has_cost_anything(settings: LazySettings, two: list[str]) -> None:
    settings.ARENA_DAILY_BUDGET_USD = Decimal(5)
    start()
    start()
    with pytest.raises(BudgetSpent, match="^This would cost more than is left of this arena’s budget for today; "):
        start()
    assert (Battle.objects.count(), charged_usd()) == (2, 4.0)


def test_budget_set_at_noon_knows_what_the_morning_cost(settings: LazySettings, two: list[str]) -> None:
    start()
    settings.ARENA_DAILY_BUDGET_USD = Decimal(2)
    with pytest.raises(BudgetSpent):
        start()


def test_what_responses_did_cost_takes_the_place_of_what_was_expected(settings: LazySettings, two: list[str]) -> None:
    settings.ARENA_DAILY_BUDGET_USD = Decimal(3)
    end(start(), usd=0.25)
    start()
    with pytest.raises(BudgetSpent):
        start()


def test_sentence_says_when_the_day_is_over(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch, two: list[str]
) -> None:
    settings.ARENA_DAILY_BUDGET_USD = Decimal(2)
    at(monkeypatch, NOON)
    start()
    for moment, words in (
        (NOON.replace(hour=20, minute=50), "in 3 hours"),
        (NOON.replace(hour=23, minute=18), "in 42 minutes"),
        (NOON.replace(hour=23, minute=59, second=30), "in 1 minute"),
    ):
        at(monkeypatch, moment)
        with pytest.raises(BudgetSpent) as refused:
            start()
        assert str(refused.value) == (f"This arena’s budget is spent for today; it starts anew at 00:00 UTC, {words}.")
    assert refused.value.retry_after_s == 30


def test_next_day_begins_with_a_full_budget(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch, two: list[str]
) -> None:
    settings.ARENA_DAILY_BUDGET_USD = Decimal(2)
    at(monkeypatch, NOON.replace(hour=23, minute=59))
    start()
    with pytest.raises(BudgetSpent):
        start()
    at(monkeypatch, NOON.replace(hour=0) + timedelta(days=1))
    start()
    assert sorted(Charge.objects.values_list("day", flat=True).distinct()) == [
        NOON.date(),
        NOON.date() + timedelta(days=1),
    ]


def test_sums_are_exact_however_many_small_ones_there_are(settings: LazySettings) -> None:
    for _ in range(2):
        make_paid(usd=0.1)
    settings.ARENA_DAILY_BUDGET_USD = Decimal("0.6")
    for _ in range(3):
        start()
    with pytest.raises(BudgetSpent, match="is spent"):
        start()


# --- Whose budget ----------------------------------------------------------------------------------


def test_team_has_a_budget_of_its_own(settings: LazySettings, two: list[str]) -> None:
    settings.ARENA_TEAM_DAILY_BUDGET_USD = Decimal(2)
    ann = make_user("ann")
    team = make_team(member=ann)
    start(ann, team=team)
    with pytest.raises(BudgetSpent, match="^The team’s budget is spent for today; "):
        start(ann, team=team)
    start(ann)
    start(ann, team=make_team("others", member=ann))


def test_limit_in_the_admin_goes_before_the_setting(settings: LazySettings, two: list[str]) -> None:
    settings.ARENA_TEAM_DAILY_BUDGET_USD = Decimal(2)
    ann = make_user("ann")
    team = make_team(member=ann)
    team.daily_budget_usd = Decimal(4)
    start(ann, team=team)
    start(ann, team=team)


def test_teams_battles_count_for_the_arena_too(settings: LazySettings, two: list[str]) -> None:
    settings.ARENA_DAILY_BUDGET_USD = Decimal(2)
    ann = make_user("ann")
    start(ann, team=make_team(member=ann))
    with pytest.raises(BudgetSpent, match="arena’s"):
        start()


def test_visitor_is_known_by_cookie_and_by_network(settings: LazySettings, two: list[str]) -> None:
    settings.ARENA_VISITOR_DAILY_BUDGET_USD = Decimal(2)
    voter = make_voter()
    visit(voter, network="192.0.2.1")
    for again in ({"voter": voter, "network": "192.0.2.2"}, {"voter": make_voter(), "network": "192.0.2.1"}):
        with pytest.raises(BudgetSpent, match="^What a visitor may spend here is spent for today; "):
            visit(**again)  # type: ignore[arg-type]
    visit(network="192.0.2.3")
    start(network="192.0.2.1")  # has an account


def test_no_address_can_be_read_from_what_is_kept(settings: LazySettings, two: list[str]) -> None:
    visit(network="192.0.2.1")
    assert set(Charge.objects.values_list("network", "visitor")) == {("", None)}
    settings.ARENA_VISITOR_DAILY_BUDGET_USD = Decimal(9)
    visit(network="192.0.2.1")
    digest = Charge.objects.exclude(network="").values_list("network", flat=True).distinct().get()
    assert re.fullmatch("[0-9a-f]{32}", digest)


def test_same_address_has_another_digest_the_next_day_and_the_salt_is_forgotten(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch, two: list[str]
) -> None:
    settings.ARENA_VISITOR_DAILY_BUDGET_USD = Decimal(9)
    for day in range(2):
        at(monkeypatch, NOON + timedelta(days=day))
        visit(network="192.0.2.1")
    forget_past_days()
    assert Charge.objects.values("network").distinct().count() == 2
    assert [bool(day.salt) for day in SpendingDay.objects.order_by("day")] == [False, True]
    at(monkeypatch, NOON + timedelta(days=9))
    forget_past_days()
    assert not Charge.objects.exists()


# --- Who takes part --------------------------------------------------------------------------------


def test_draw_prefers_whom_the_rest_of_the_budget_reaches_for(settings: LazySettings) -> None:
    settings.ARENA_DAILY_BUDGET_USD = Decimal(3)
    cheap = {make_paid(slug, usd=1).slug for slug in ("a", "b", "c")}
    for slug in ("x", "y", "z"):
        make_paid(slug, usd=50)
    battle = start(size=3)
    assert set(battle.seats.values_list("contestant__slug", flat=True)) == cheap


def test_everybody_is_drawn_while_there_is_plenty(settings: LazySettings) -> None:
    settings.ARENA_DAILY_BUDGET_USD = Decimal(10_000)
    slugs = {make_paid(usd=usd).slug for usd in (1, 2, 50, 60)}
    drawn = {slug for _ in range(25) for slug in start().seats.values_list("contestant__slug", flat=True)}
    assert drawn == slugs


def test_free_seats_are_filled_with_what_the_chosen_leave(settings: LazySettings) -> None:
    settings.ARENA_DAILY_BUDGET_USD = Decimal(51)
    for slug, usd in (("dear", 50), ("dearer", 60), ("cheap", 1)):
        make_paid(slug, usd=usd)
    battle = start(contestants=["dear"])
    assert set(battle.seats.values_list("contestant__slug", flat=True)) == {"dear", "cheap"}


def test_chosen_ones_that_cost_too_much_are_refused(settings: LazySettings) -> None:
    settings.ARENA_DAILY_BUDGET_USD = Decimal(20)
    for slug in ("a", "b"):
        make_paid(slug, usd=15)
    with pytest.raises(BudgetSpent, match="more than is left"):
        start(contestants=["a", "b"])


def test_unknown_price_keeps_out_while_there_is_a_budget(settings: LazySettings, two: list[str]) -> None:
    far = make_contestant("far", base_url="https://llm.example.org/v1", model="unheard-of")
    for _ in two:
        make_contestant(base_url="http://192.168.0.7:8000/v1", model="unheard-of")
    start(contestants=["far"])
    settings.ARENA_DAILY_BUDGET_USD = Decimal(1)
    with pytest.raises(UnknownContestant, match="Its price is not known"):
        start(contestants=["far"])
    for _ in range(10):
        assert not start().seats.filter(contestant=far).exists()


def test_budget_of_nothing_keeps_out_what_costs_money(settings: LazySettings, two: list[str]) -> None:
    settings.ARENA_DAILY_BUDGET_USD = Decimal(0)
    make_contestant("free", base_url="http://127.0.0.1:8000/v1", model="unheard-of")
    with pytest.raises(UnknownContestant, match="It costs money, and this arena spends no money"):
        start(contestants=["ada"])
    with pytest.raises(TooFewContestants, match="there is one"):
        start()


# --- Going on --------------------------------------------------------------------------------------


def test_follow_up_is_refused_and_the_battle_stays_as_it_was(settings: LazySettings, two: list[str]) -> None:
    settings.ARENA_DAILY_BUDGET_USD = Decimal(3)
    battle = start()
    end(battle)
    with pytest.raises(BudgetSpent):
        add_turn(battle, battle.started_by, prompt="And then?")
    battle.refresh_from_db()
    assert (battle.status, battle.turns.count()) == ("finished", 1)


def test_follow_up_carries_the_conversation(settings: LazySettings) -> None:
    for _ in range(2):
        make_paid(usd=0, price_in_usd_per_mtok=1_000_000.0)
    battle = start()
    first = charged_usd()
    end(battle)
    Response.objects.update(answer="x" * 4_000)
    Charge.objects.all().delete()
    add_turn(battle, battle.started_by, prompt="Why?")
    assert charged_usd() - first == pytest.approx(2 * (4_004 / 4 + 16), abs=4)


def test_retry_is_another_charge(settings: LazySettings, two: list[str]) -> None:
    settings.ARENA_DAILY_BUDGET_USD = Decimal(3)
    battle = start()
    end(battle, ResponseStatus.FAILED)
    retry_response(battle, battle.started_by, slot="A")
    assert charged_usd() == 3.0
    with pytest.raises(BudgetSpent):
        retry_response(battle, battle.started_by, slot="B")
    assert Response.objects.get(seat__slot="B").status == "failed"


def test_refused_retry_does_not_tell_which_slot_is_the_dear_one(settings: LazySettings) -> None:
    make_paid("dear", usd=50)
    make_paid("cheap", usd=0.01)
    battle = start()
    end(battle, ResponseStatus.FAILED, usd=0)
    settings.ARENA_DAILY_BUDGET_USD = Decimal(10)
    said = set()
    for slot in "AB":
        with pytest.raises(BudgetSpent) as refused:
            retry_response(battle, battle.started_by, slot=slot)
        said.add(str(refused.value))
    assert len(said) == 1


def test_battle_whose_price_has_been_lost_does_not_go_on(settings: LazySettings, two: list[str]) -> None:
    make_contestant("far", base_url="https://llm.example.org/v1", model="unheard-of")
    battle = start(contestants=["far", "ada"])
    end(battle, ResponseStatus.FAILED)
    settings.ARENA_DAILY_BUDGET_USD = Decimal(100)
    said = set()
    for slot in "AB":
        with pytest.raises(NotNow) as refused:
            retry_response(battle, battle.started_by, slot=slot)
        said.add(str(refused.value))
    assert said == {"What this battle would cost is not known, and there is a daily budget to keep."}


def test_what_was_stopped_before_it_was_asked_costs_nothing(two: list[str]) -> None:
    battle = start()
    stop_battle(battle, battle.started_by)
    assert (charged_usd(), Charge.objects.filter(is_settled=False).exists()) == (0.0, False)


# --- What is expected, and what it takes -----------------------------------------------------------


def test_answers_are_expected_as_long_as_they_usually_are() -> None:
    paid = make_paid("ada", usual_output_tokens=None)
    make_paid("bob")
    assert measure_answers() == 0
    for tokens in (100, 900, 300):
        battle = start(contestants=["ada", "bob"])
        end(battle)
        Response.objects.filter(turn__battle=battle, seat__contestant=paid).update(output_tokens=tokens)
    assert measure_answers() == 1
    paid.refresh_from_db()
    assert paid.usual_output_tokens == 300
    assert measure_answers() == 0


@pytest.mark.parametrize(
    ("options", "usd"),
    [
        ({}, 6.0),
        ({"max_tokens": 2_000}, 2.0),
        ({"num_predict": -1}, 6.0),
        ({"think": False}, 1.5),
        ({"thinking": {"type": "disabled"}}, 1.5),
        ({"reasoning_effort": "none"}, 1.5),
    ],
)
def test_first_answer_is_expected_as_its_options_allow(options: dict[str, object], usd: float) -> None:
    make_paid("ada", usual_output_tokens=None, options=options)
    make_paid("free", usd=0)
    start()
    assert charged_usd() == usd


def test_start_costs_a_few_queries_more_with_every_budget_set(settings: LazySettings, two: list[str]) -> None:
    voter = make_voter()

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            visit(voter, network="192.0.2.1")
        return len(captured)

    queries()
    without = queries()
    settings.ARENA_DAILY_BUDGET_USD = settings.ARENA_VISITOR_DAILY_BUDGET_USD = Decimal(1_000)
    queries()
    few = queries()
    for _ in range(20):
        visit(voter, network="192.0.2.1")
    assert queries() == few <= without + 5
