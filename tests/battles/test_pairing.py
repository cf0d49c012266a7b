"""Who is seated where in a real battle: aims, weights, pairs kept apart, and budgets that run low."""

from collections import Counter
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from scipy.stats import chi2_contingency

from arena.battles import pairing, services
from arena.battles.budgets import Limit, Payer, Purse, Whose, open_purse
from arena.battles.costs import nano_of
from arena.battles.errors import BudgetSpent, KeptApart, TooFewContestants
from arena.battles.pairing import line_up
from arena.battles.services import start_battle
from arena.contestants.models import Contestant, DrawAim
from arena.contestants.queries import kept_apart
from tests.budgets.spending import USD_PER_MTOK, make_paid, make_team, make_user
from tests.factories import make_contestant, make_voter

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def seeded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same draws in every run."""
    monkeypatch.setattr(pairing, "_random", Random(5))


def lined_up(number: int, size: int = 2, *chosen: str, is_ranked: bool = True, left: float = 1) -> list[dict[str, str]]:
    """By slot, the slugs of so many line-ups; `left` is that part of a budget of 1,000 dollars."""
    limit = Limit(Whose.ARENA, nano_of(1_000))
    payer = Payer(voter=None)
    purse = Purse(payer, timezone.now(), [limit], limit, int(limit.nano * left)) if left < 1 else open_purse(payer)
    line_ups = [line_up(size, chosen, purse=purse, cost=cost, is_ranked=is_ranked) for _ in range(number)]
    return [{slot: contestant.slug for slot, contestant in one.items()} for one in line_ups]


def cost(contestant: Contestant) -> int:
    """As `make_paid` says, in nanodollars."""
    return nano_of((contestant.price_out_usd_per_mtok or 0) / USD_PER_MTOK)


def appearances(battles: list[dict[str, str]]) -> Counter[str]:
    return Counter(slug for battle in battles for slug in battle.values())


def met(battles: list[dict[str, str]]) -> Counter[str]:
    """How often each set of contestants met."""
    return Counter("".join(sorted(battle.values())) for battle in battles)


def aim_only_at(one: Contestant, other: Contestant) -> None:
    DrawAim.objects.create(pairs=[[one.pk, other.pk, 1.0]])


@pytest.mark.parametrize("size", [2, 3, 6])
def test_everybody_sits_in_every_slot_alike(size: int) -> None:
    slugs = [make_contestant().slug for _ in range(6)]
    battles = lined_up(240, size)
    assert all(len(set(battle.values())) == size for battle in battles)
    counts = [[sum(battle[slot] == slug for battle in battles) for slot in battles[0]] for slug in slugs]
    assert chi2_contingency(counts).pvalue > 1e-4


def test_chosen_ones_are_shuffled_too() -> None:
    for slug in "ab":
        make_contestant(slug)
    first = Counter(battle["A"] for battle in lined_up(100, 2, "a", "b"))
    assert 30 < first["a"] < 70


def test_ranked_battles_go_where_they_are_aimed() -> None:
    contestants = [make_contestant(slug) for slug in "abcdef"]
    aim_only_at(contestants[0], contestants[3])
    pairs = met(lined_up(100))
    assert pairs["ad"] > 65
    assert len(pairs) > 4


def test_battles_that_do_not_count_are_uniform() -> None:
    contestants = [make_contestant(slug) for slug in "abcdef"]
    aim_only_at(contestants[0], contestants[3])
    assert met(lined_up(60, is_ranked=False))["ad"] < 20


@pytest.mark.parametrize(
    ("blind", "in_team", "is_ranked"), [(True, False, True), (False, False, False), (True, True, False)]
)
def test_battle_counts_if_it_is_blind_and_no_teams(
    blind: bool, in_team: bool, is_ranked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    for _ in range(2):
        make_contestant()

    def watched(*args: Any, is_ranked: bool, **kwargs: Any) -> dict[str, Contestant]:
        seen.append(is_ranked)
        return line_up(*args, is_ranked=is_ranked, **kwargs)

    monkeypatch.setattr(services, "line_up", watched)
    member = make_user("ann")
    start_battle(member, prompt="Why?", blind=blind, team=make_team(member=member) if in_team else None)
    assert seen == [is_ranked]


def test_aim_at_contestants_that_are_away_or_gone_does_no_harm() -> None:
    contestants = [make_contestant(slug) for slug in "abcd"]
    aim_only_at(contestants[0], contestants[1])
    Contestant.objects.filter(slug="a").update(is_available=False)
    contestants[1].delete()
    assert lined_up(5)[0].keys() == {"A", "B"}
    assert set(appearances(lined_up(5))) == {"c", "d"}


def test_contestant_without_weight_takes_part_only_where_someone_chooses_it() -> None:
    for slug in "abc":
        make_contestant(slug)
    make_contestant("rare", weight=0)
    assert "rare" not in appearances(lined_up(20, 3))
    assert appearances(lined_up(1, 2, "rare"))["rare"] == 1
    with pytest.raises(TooFewContestants, match="there are 3"):
        lined_up(1, 4)


def test_heavier_contestants_are_drawn_more_readily() -> None:
    make_contestant("heavy", weight=4)
    for slug in "abcdefg":
        make_contestant(slug)
    counts = appearances(lined_up(150))
    assert counts["heavy"] > 2 * max(counts[slug] for slug in "abcdefg") * 0.9


def test_pairs_that_never_meet_do_not() -> None:
    one, other = make_contestant("a"), make_contestant("b")
    for slug in "cd":
        make_contestant(slug)
    one.never_meets.add(other)
    assert kept_apart() == {one.pk: {other.pk}, other.pk: {one.pk}}
    battles = lined_up(60, 3)
    assert not any({"a", "b"} <= set(battle.values()) for battle in battles)
    assert {"a", "b"} <= set(appearances(battles))


def test_choosing_two_that_never_meet_is_refused_in_plain_words() -> None:
    one, other = make_contestant("a", name="Ann"), make_contestant("b", name="Bob")
    one.never_meets.add(other)
    with pytest.raises(KeptApart, match="Ann and Bob never meet here"):
        lined_up(1, 2, "a", "b")


def test_chosen_one_gets_only_those_it_may_meet() -> None:
    one = make_contestant("a")
    one.never_meets.add(make_contestant("b"), make_contestant("c"))
    make_contestant("d")
    assert set(appearances(lined_up(10, 2, "a"))) == {"a", "d"}


def test_too_few_that_may_meet_are_refused() -> None:
    one, other = make_contestant(), make_contestant()
    one.never_meets.add(other)
    with pytest.raises(TooFewContestants, match="may meet each other"):
        lined_up(1)


def test_dear_one_is_drawn_less_as_the_budget_runs_low() -> None:
    make_paid("dear", usd=1.0)
    for slug in ("cheap-1", "cheap-2", "cheap-3"):
        make_paid(slug, usd=0.01)
    dear = [appearances(lined_up(200, left=left))["dear"] for left in (0.9, 0.5, 0.25, 0.05)]
    assert dear[0] > 80
    assert dear[1] > 80, "half of the budget is plenty"
    assert 80 > dear[2] > 40
    assert 20 > dear[3] > 2


def test_where_all_cost_alike_a_low_budget_changes_nothing() -> None:
    slugs = [make_paid(usd=1.0).slug for _ in range(3)]
    assert min(appearances(lined_up(100, left=0.1))[slug] for slug in slugs) > 50


def test_aimed_battles_heed_the_budget_too() -> None:
    dear, one, other = make_paid("dear", usd=1.0), make_paid("one", usd=0.01), make_paid("other", usd=0.01)
    DrawAim.objects.create(pairs=[[dear.pk, one.pk, 0.5], [one.pk, other.pk, 0.5]])
    assert appearances(lined_up(100))["dear"] > 40
    assert appearances(lined_up(100, left=0.02))["dear"] < 15


def test_pairs_kept_apart_and_a_budget_are_heeded_together() -> None:
    dear, cheap = make_paid("dear", usd=1.0), make_paid("cheap", usd=0.2)
    make_paid("other", usd=1.2)
    dear.never_meets.add(cheap)
    assert set(lined_up(1, left=0.0015)[0].values()) == {"cheap", "other"}
    with pytest.raises(BudgetSpent):
        lined_up(1, left=0.0013)


def test_draw_takes_as_many_queries_however_many_there_are() -> None:
    for _ in range(3):
        make_contestant()
    voter = make_voter()

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            start_battle(voter, prompt="Why?")
        return len(captured)

    few = queries()
    more = [make_contestant() for _ in range(20)]
    aim_only_at(more[0], more[1])
    more[0].never_meets.add(*more[5:])
    assert queries() == few
